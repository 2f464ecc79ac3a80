// Java clients, tools and the server of Apache Kafka, put together from Maven Central by Maven itself.
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachedFolder } from './cache.ts'
import { run } from './commands.ts'
import { debianPackages } from './debian.ts'

/** Newest 4.x whose server and tools are complete on Maven Central; 3.9 is the last line before KIP-896. */
export const kafkaVersions = { server: '4.3.1', old: '3.9.2' } as const

const slf4j = '1.7.36'

const pom = (version: string) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>logdrive</groupId><artifactId>interop</artifactId><version>1</version>
  <dependencies>
    ${dependency('org.apache.kafka', 'kafka_2.13', version)}
    ${dependency('org.apache.kafka', 'kafka-tools', version)}
    ${dependency('org.slf4j', 'slf4j-simple', slf4j)}
  </dependencies>
</project>`

/** The class path of Kafka's server, tools and clients in a version: `-cp` of java. */
export async function kafkaClassPath(version: string): Promise<string> {
  const folder = await cachedFolder(`apache-kafka-${version}`, '1', async (aside) => {
    if (!existsSync('/usr/bin/mvn') || !existsSync('/usr/bin/java')) {
      await debianPackages(['default-jdk-headless', 'maven'])
    }
    await writeFile(join(aside, 'pom.xml'), pom(version))
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
    await run('mvn', ['-q', '-B', goal, '-DoutputDirectory=lib'], { cwd: aside })
  })
  // Kafka 3.9 brings a logger of its own, which says nothing without a file of settings: the first one is taken.
  return [join(folder, `lib/slf4j-simple-${slf4j}.jar`), join(folder, 'lib/*')].join(':')
}

function dependency(group: string, artifact: string, version: string): string {
  return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`
}
