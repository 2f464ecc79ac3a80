// Scenarios 30-42: files are rotated while the reader runs.
import fs from 'node:fs'
import type { Scenario, Scene } from './harness.ts'

/** Names of the old files: numbers that are shifted, or dates. */
const namings = ['sequential', 'timestamped'] as const

export const rotation: readonly Scenario[] = [
  {
    number: '30',
    title: 'a writer that keeps the old file open after the rotation is heard, and so is the new file',
    single: true,
    async run(scene) {
      await scene.begin('a.log', 'before')
      const late = scene.writer()
      scene.rotate()
      scene.write('a.log', 'new 1')
      late.write('late 1')
      await scene.caughtUp()
      await scene.looked(5)
      late.write('late 2')
      scene.write('a.log', 'new 2')
      await scene.caughtUp()
      late.close()
    },
  },
  {
    number: '31',
    title: 'three rotations between two scans, the files between them of one line',
    single: true,
    async run(scene) {
      await scene.begin('a.log', 'zero')
      for (const line of ['one', 'two', 'three']) {
        scene.rotate('a.log', false)
        scene.write('a.log', line)
      }
    },
  },
  ...rotationMatrix(),
  {
    number: '33 renamed',
    title: 'three files with three rotations each, while all of them are written',
    run: (scene) => severalFiles(scene, (name) => scene.rotate(name)),
  },
  {
    number: '33 copytruncate',
    title: 'three files truncated three times each; their writers wait until all is read',
    run: (scene) =>
      severalFiles(scene, async (name) => {
        await scene.caughtUp()
        scene.copyTruncate(name)
      }),
  },
  {
    number: '34',
    title: 'moved out of the globs, written there, and moved back in',
    single: true,
    async run(scene) {
      await scene.begin('a.log', '1')
      scene.rename('a.log', 'elsewhere/a')
      scene.write('elsewhere/a', '2')
      await scene.looked(4)
      scene.write('elsewhere/a', '3')
      await scene.caughtUp()
      scene.rename('elsewhere/a', 'a.log')
      scene.write('a.log', '4')
    },
  },
  {
    number: '35',
    title:
      'policy: the copy of a copytruncate that a glob names is another file and is shipped whole, the unread tail with it',
    agent: { input: { paths: ['a.log*'] } },
    async run(scene) {
      await scene.begin('a.log', '1', '2')
      scene.append('a.log', 'unread tail\n')
      scene.copyTruncate('a.log', 'a.log.1')
      scene.expect('1', '2', 'unread tail')
      scene.write('a.log', '3')
    },
  },
  {
    number: '36',
    title: 'a writer that keeps its position over a truncation leaves a hole, which is no line',
    single: true,
    async run(scene) {
      const writer = scene.writer('a.log', 'w')
      writer.write('1', '2')
      await scene.start()
      await scene.caughtUp()
      scene.copyTruncate()
      await scene.looked(2)
      writer.write('3', '4')
      await scene.caughtUp()
      writer.write('5')
      writer.close()
    },
  },
  {
    number: '37',
    title: 'truncated and grown beyond the old position between two scans',
    single: true,
    async run(scene) {
      scene.write('a.log', 'first', 'second')
      await scene.start()
      for (let round = 0; round < 3; round += 1) {
        await scene.caughtUp()
        scene.copyTruncate()
        const lines = Array.from({ length: 5 * (round + 1) }, (_, line) => `round ${round}, line ${line}`)
        scene.write('a.log', ...lines)
      }
    },
  },
  {
    number: '37 same head',
    title: 'truncated and grown beyond the old position, the first 2000 bytes as before',
    single: true,
    async run(scene) {
      const head = 'h'.repeat(2000)
      await scene.begin('a.log', head, 'first')
      scene.copyTruncate()
      scene.write('a.log', head, 'second', 'third')
    },
  },
  {
    number: '39',
    title: 'the last line without a line end at a rotation is a line of its own',
    agent: { limits: { graceMs: 100 } },
    single: true,
    async run(scene) {
      scene.write('a.log', 'A1')
      scene.append('a.log', 'A2 without an end')
      scene.expect('A2 without an end')
      await scene.start()
      await scene.looked(3)
      scene.rotate()
      scene.write('a.log', 'B1')
    },
  },
  {
    number: '42',
    title: 'the path is missing for a while within a rotation',
    single: true,
    async run(scene) {
      await scene.begin('a.log', '1')
      scene.append('a.log', '2\n')
      scene.expect('2')
      scene.rotate('a.log', false)
      await scene.looked(15)
      scene.write('a.log', '3')
    },
  },
]

/** All that rotates: how, how the old ones are named, and whether they are kept or deleted before they can be read. */
function rotationMatrix(): Scenario[] {
  return namings.flatMap((naming) =>
    (['kept', 'deleted'] as const).flatMap((fate) => [
      {
        number: `32 renamed, ${naming}, ${fate}`,
        title:
          fate === 'kept'
            ? 'every line, however fast'
            : 'what nobody could read is missing, nothing is doubled',
        single: naming === 'sequential',
        destroys: fate === 'deleted',
        run: (scene: Scene) => rotateFast(scene, naming, fate === 'deleted'),
      },
      {
        number: `32 copytruncate, ${naming}, ${fate}`,
        title: 'every line that is read before it is cut off',
        single: naming === 'sequential',
        run: (scene: Scene) => truncateOften(scene, naming, fate === 'deleted'),
      },
    ]),
  )
}

async function rotateFast(
  scene: Scene,
  naming: (typeof namings)[number],
  isDeleting: boolean,
): Promise<void> {
  await scene.begin('a.log', 'begin')
  for (let round = 0; round < 12; round += 1) {
    scene.write('a.log', `${round} ${'long '.repeat((round % 3) * 300)}`, `${round} short`)
    const old = naming === 'sequential' ? 'a.log.1' : `a.log-20261121-${String(round).padStart(2, '0')}`
    if (naming === 'sequential') scene.rotate('a.log')
    else scene.rename('a.log', old)
    if (isDeleting) scene.remove(old)
    if (naming === 'timestamped') scene.append('a.log', '')
    if (round % 4 === 3) await scene.looked()
  }
  await scene.looked()
}

async function truncateOften(
  scene: Scene,
  naming: (typeof namings)[number],
  isDeleting: boolean,
): Promise<void> {
  scene.write('a.log', 'begin')
  await scene.start()
  for (let round = 0; round < 8; round += 1) {
    scene.write('a.log', `${round} ${'long '.repeat((round % 3) * 300)}`, `${round} short`)
    await scene.caughtUp()
    const copy = naming === 'sequential' ? 'a.log.1' : `a.log-20261121-${String(round).padStart(2, '0')}`
    scene.copyTruncate('a.log', copy)
    if (isDeleting) fs.rmSync(scene.path(copy))
    if (round % 2 === 0) await scene.looked()
  }
}

async function severalFiles(scene: Scene, rotate: (name: string) => Promise<void> | void): Promise<void> {
  const names = ['x.log', 'y.log', 'z.log']
  await scene.start()
  await Promise.all(
    names.map(async (name) => {
      for (let line = 0; line < 30; line += 1) {
        scene.write(name, `${name} ${line}`)
        if (line === 0) await scene.looked()
        await new Promise((resolve) => setImmediate(resolve))
        if (line % 8 === 7) await rotate(name)
      }
    }),
  )
}
