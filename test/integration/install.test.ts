// What an operator installs: the single executable, built here, beside a real collector. Linux; needs no network.
import { appendFile, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BuiltAgent, buildAgent } from '../../packaging/build-agent.ts'
import { buildDeb } from '../../packaging/build-deb.ts'
import { outcomeOf } from '../interop/commands.ts'
import { copyOfMachine } from './machine.ts'
import { answers, cli, freePorts, node, Running, temporaryFolder, until } from './processes.ts'

let built: BuiltAgent

beforeAll(async () => {
  built = await buildAgent()
})

describe('the single executable', () => {
  test('says its version and its commands, and nothing of a collector', async () => {
    const manifest = JSON.parse(await readFile('package.json', 'utf8'))
    expect(await said(['--version'])).toEqual({ code: 0, text: `${manifest.version}\n` })
    const { text } = await said(['--help'])
    expect([...text.matchAll(/^ {2}(\w+) /gm)].map((match) => match[1])).toEqual(
      expect.arrayContaining(['agent', 'validate', 'init']),
    )
    expect(text).not.toMatch(/sinks|ClickHouse|topics/)
  })

  test('is a bundle for a Node that is there, too', async () => {
    const version = await outcomeOf(node, [built.bundle, '--version'])
    expect(version.stdout.toString()).toBe((await said(['--version'])).text)
  })

  test('takes no orders for its Node from the environment', async () => {
    const { code } = await said(['--version'], { NODE_OPTIONS: '--require /nowhere.cjs' })
    expect(code).toBe(0)
  })

  test('writes a configuration that it finds right, and says what is wrong with another', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'agent.yaml')
    expect((await said(['init', file])).text).toContain(`logdrive-agent validate -c ${file}`)
    expect((await said(['validate', '--offline', '-c', file])).code).toBe(0)
    await writeFile(file, 'version: 1\nagent:\n  inputs:\n    app: { type: file, path: [x], topic: app }\n')
    for (const words of [
      ['validate', '-c', file],
      ['agent', '-c', file],
    ]) {
      const { code, text } = await said(words)
      expect({ words, code, place: text.includes(`${file}:4:24 agent.inputs.app`) }).toEqual({
        words,
        code: 78,
        place: true,
      })
    }
  })

  test('ships a file to a collector, with the native checksum that lies beside it', async () => {
    await using place = await startPlace()
    await writeFile(place.path('app.log'), 'one\ntwo\n')
    await place.configure({ app: fileInput(place.path('app.log'), 'app') })
    await using running = place.start(await installed(place.folder))
    await appendFile(place.path('app.log'), 'three\n')
    expect(await bodies(place.url, 'app', 3)).toEqual(['one', 'two', 'three'])
    const mapped = await readFile(`/proc/${running.pid}/maps`, 'utf8')
    expect(mapped.includes(place.path('lib/logdrive-agent/crc32.node'))).toBe(built.checksum !== null)
    expect(await running.stop()).toBe(0)
  })

  test('on SIGHUP it reads its configuration again, refuses a bad one, and keeps every position', async () => {
    await using place = await startPlace()
    const [app, web] = [place.path('app.log'), place.path('web.log')]
    await writeFile(app, 'a1\n')
    await writeFile(web, 'w1\n')
    await place.configure({ app: fileInput(app, 'app') })
    await using running = place.start(built.executable)
    expect(await bodies(place.url, 'app', 1)).toEqual(['a1'])
    await place.configure({ web: fileInput(web, 'web') })
    running.signal('SIGHUP')
    expect(await bodies(place.url, 'web', 1)).toEqual(['w1'])
    await appendFile(app, 'a2\n')
    await place.configure({ app: { type: 'file', topic: 'app' } })
    running.signal('SIGHUP')
    await until(
      () => running.output,
      30,
      async () => (/agent\.inputs\.app.*refused; the old one/.test(running.output) ? true : null),
    )
    // So is one that cannot be begun: the port is the collector's.
    const metrics = { listen: new URL(place.url).host }
    await place.configure({ app: fileInput(app, 'app') }, place.url, place.path('state'), { metrics })
    running.signal('SIGHUP')
    await until(
      () => running.output,
      30,
      async () => (/PORT_TAKEN.*refused; the old one/.test(running.output) ? true : null),
    )
    expect(running.output).toMatch(/"hint":".*refused; the old one/)
    expect(running.output).not.toContain('"stack"')
    await appendFile(web, 'w2\n')
    expect(await bodies(place.url, 'web', 2)).toEqual(['w1', 'w2'])
    // What is more than inputs begins the agent anew within the process.
    await place.configure({ app: fileInput(app, 'app'), web: fileInput(web, 'web') }, `${place.url}/`)
    running.signal('SIGHUP')
    expect(await bodies(place.url, 'app', 2)).toEqual(['a1', 'a2'])
    expect(running.output.match(/agent started/g)).toHaveLength(4)
    expect(await running.stop()).toBe(0)
    expect(await bodies(place.url, 'web', 2)).toEqual(['w1', 'w2'])
  })
})

describe('the package', () => {
  const user = ['--reuid=logdrive', '--regid=logdrive', '--clear-groups', '--no-new-privs']
  const rights = ['--bounding-set=-all,+dac_read_search', '--inh-caps=-all,+dac_read_search']
  /** As the unit starts it: a user of its own, with the right to read every file and no other one. */
  const asUnit = ['setpriv', ...user, ...rights, '--ambient-caps=-all,+dac_read_search']

  test('the same agent gives the same bytes', async () => {
    const epoch = process.env.SOURCE_DATE_EPOCH
    process.env.SOURCE_DATE_EPOCH = '1790000000'
    try {
      const first = await readFile(buildDeb(built, { compression: 'none' }))
      expect((await readFile(buildDeb(built, { compression: 'none' }))).equals(first)).toBe(true)
    } finally {
      if (epoch === undefined) delete process.env.SOURCE_DATE_EPOCH
      else process.env.SOURCE_DATE_EPOCH = epoch
    }
  })

  test('is installed, ships, is upgraded, removed and purged', async (context) => {
    await using machine = await copyOfMachine()
    if (machine === null) return context.skip('this process may not mount')
    await using place = await startPlace()
    const install = async (version: string) => {
      await copyFile(buildDeb(built, { version, compression: 'none' }), join(machine.shared, 'agent.deb'))
      await machine.run('dpkg', '--force-confold', '-i', '/shared/agent.deb')
    }
    const yaml = '/etc/logdrive/agent.yaml'
    await install('1.0')
    // What is installed is right as it stands, and only the agent may read what may hold a key.
    await machine.run('logdrive-agent', 'validate', '--offline')
    expect(await machine.run('stat', '-c', '%U:%G %a', yaml, '/var/lib/logdrive-agent')).toBe(
      'root:logdrive 640\nlogdrive:logdrive 750\n',
    )
    const input = fileInput('/var/log/secret.log', 'app')
    await place.configure({ app: input }, place.url, '/var/lib/logdrive-agent')
    await copyFile(place.path('agent.yaml'), join(machine.shared, 'agent.yaml'))
    await machine.run('sh', '-c', `cat /shared/agent.yaml > ${yaml}`)
    await machine.run('sh', '-c', 'umask 077; echo one > /var/log/secret.log')
    const ship = async (lines: readonly string[]) => {
      await using running = new Running([], {}, [...machine.before, ...asUnit], ['logdrive-agent'])
      expect(await bodies(place.url, 'app', lines.length)).toEqual(lines)
      expect(await running.stop()).toBe(0)
    }
    await ship(['one'])
    await install('1.1')
    expect(await machine.run('dpkg', '--status', 'logdrive-agent')).toContain('Version: 1.1\n')
    expect(JSON.parse(await machine.run('cat', yaml)).agent.inputs).toEqual({ app: input })
    await machine.run('sh', '-c', 'echo two >> /var/log/secret.log')
    await ship(['one', 'two'])
    await machine.run('dpkg', '--remove', 'logdrive-agent')
    await machine.run('test', '-e', '/var/lib/logdrive-agent/agent-id')
    await machine.run('dpkg', '--purge', 'logdrive-agent')
    const left = [
      '/etc/logdrive',
      '/var/lib/logdrive-agent',
      '/usr/lib/logdrive-agent',
      '/usr/bin/logdrive-agent',
    ]
    for (const path of left) await machine.run('test', '!', '-e', path)
  })

  test('has a unit that systemd takes', async (context) => {
    const unit = join(import.meta.dirname, '../../packaging/deb/logdrive-agent.service')
    await using folder = await temporaryFolder()
    const copy = join(folder.path, 'logdrive-agent.service')
    // The executable and the manual page are not on this machine.
    const text = (await readFile(unit, 'utf8')).replaceAll('/usr/bin/logdrive-agent', '/bin/true')
    await writeFile(copy, text.replace(/^Documentation=.*\n/m, ''))
    const verified = await outcomeOf('systemd-analyze', ['verify', copy]).catch(() => null)
    if (verified === null) return context.skip('systemd is not installed')
    expect(`${verified.stdout}${verified.stderr}`).toBe('')
    const { stdout } = await outcomeOf('systemd-analyze', ['security', '--offline=true', '--no-pager', copy])
    expect(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout.toString())?.[1])).toBeLessThanOrEqual(2)
  })
})

/** A collector that answers, and the configuration of an agent that ships to it. */
async function startPlace() {
  const temporary = await temporaryFolder()
  const folder = temporary.path
  const path = (name: string) => join(folder, name)
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  const http = { listen: `127.0.0.1:${port}` }
  const yaml = { version: 1, data: path('data'), collector: { http, kafka: 'off' } }
  await writeFile(path('collector.yaml'), JSON.stringify(yaml))
  const collector = new Running(['collector', '-c', path('collector.yaml')])
  await until('the collector answers', 60, () => answers(`${url}/healthz`))
  return {
    folder,
    url,
    path,
    configure: (inputs: object, named = url, state = path('state'), more = {}) =>
      writeFile(
        path('agent.yaml'),
        JSON.stringify({ version: 1, agent: { collector: named, state, inputs, ...more } }),
      ),
    start: (executable: string) => new Running(['-c', path('agent.yaml')], {}, [], [executable]),
    async [Symbol.asyncDispose]() {
      await collector[Symbol.asyncDispose]()
      await temporary[Symbol.asyncDispose]()
    },
  }
}

function fileInput(file: string, topic: string) {
  return { type: 'file', paths: [file], topic }
}

/** The executable and its checksum as a package lays them out. */
async function installed(folder: string): Promise<string> {
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'lib/logdrive-agent'), { recursive: true })
  const executable = join(folder, 'bin/logdrive-agent')
  await copyFile(built.executable, executable)
  if (built.checksum !== null) await copyFile(built.checksum, join(folder, 'lib/logdrive-agent/crc32.node'))
  return executable
}

async function said(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await outcomeOf(built.executable, words, { env })
  return { code, text: `${stdout}${stderr}` }
}

/** The bodies of the first records of a topic, in the order they were kept, as soon as there are so many. */
async function bodies(url: string, topic: string, count: number): Promise<readonly string[]> {
  const words = [cli, 'tail', topic, '--url', url, '--from', 'beginning', '--max', `${count}`]
  return await until(`${count} records in ${topic}`, 60, async () => {
    const { stdout } = await outcomeOf(node, words)
    const lines = stdout
      .toString()
      .split('\n')
      .filter((line) => line !== '')
    return lines.length < count ? null : lines.map((line) => JSON.parse(line).value)
  })
}
