// Builds what npm publishes into dist/: the command line in few files, what a collector serves, the licences of what is inside.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { bundling } from './bundling.ts'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'dist')

/** What is started by name; all else is loaded by these. One folder holds them all, so that `./x.js` finds the others. */
const programs = ['cli/main.ts', 'cli/config-child.ts', 'sinks/clickhouse/embedded/process.ts']

/** Stay packages that npm installs: native code, and what is only asked for where that is missing. */
const installed = ['chdb', '@node-rs/crc32', 'crc-32']

/** Builds all of it anew. Throws what esbuild has to complain about. */
export async function buildPackage(): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    ...bundling,
    entryPoints: programs,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outdir: join(folder, 'cli'),
    format: 'esm',
    // What a command does not need is in files of its own, which it does not load.
    splitting: true,
    target: 'node24',
    external: installed,
    // Not minified: a crash shows the line it comes from, and loading costs the same.
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    // CommonJS packages inside ask for Node's own modules by this name.
    banner: {
      js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);",
    },
  })
  for (const name of ['dist', 'demo'])
    cpSync(join(root, 'tracker', name), join(folder, 'tracker', name), { recursive: true })
  writeFileSync(join(folder, 'licenses.txt'), licenses(metafile))
}

/** The licence of every package that is inside, as their terms ask for. Throws where a package has none. */
function licenses({ inputs }: Metafile): string {
  const homes = Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [])
  return [...new Set(homes)].sort().map(licenseOf).join('\n')
}

function licenseOf(home: string): string {
  const folder = join(root, home)
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
  if (file === undefined) throw new Error(`${name} is to be bundled, but has no licence`)
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}

if (import.meta.main) {
  await buildPackage()
  const files = readdirSync(join(folder, 'cli')).filter((name) => name.endsWith('.js'))
  console.log(`dist/cli ${files.length} files`)
}
