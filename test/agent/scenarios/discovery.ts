// Scenarios 11-19: which files are followed.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import type { Scenario } from './harness.ts'

export const discovery: readonly Scenario[] = [
  {
    number: '11',
    title: 'globs that overlap: each line once',
    agent: { input: { paths: ['*.log', 'a.*', '**/*.log', 'a.log'] } },
    single: true,
    async run(scene) {
      await scene.begin('a.log', '1', '2')
      scene.write('a.log', '3')
      await scene.caughtUp()
    },
  },
  {
    number: '12',
    title: 'what is excluded is not read, and a file renamed to an excluded name is read to its end, once',
    agent: { input: { paths: ['**/*'], exclude: ['*.gz', 'old-*', '**/skip/**'] } },
    async run(scene) {
      scene.append('b.gz', 'not this\n')
      scene.append('skip/c.log', 'nor this\n')
      await scene.begin('a.log', '1')
      const writer = scene.writer()
      scene.rename('a.log', 'old-a.log')
      writer.write('2')
      await scene.caughtUp()
      scene.append('old-b.log', 'not this either\n')
      scene.write('d.log', '3')
      await scene.looked(3)
      writer.close()
    },
  },
  {
    number: '13',
    title: 'start: end is for what is there at the first start; a new file is read from its head',
    agent: { input: { start: 'end' } },
    async run(scene) {
      scene.append('a.log', 'before the first start\n')
      await scene.start()
      await scene.looked()
      scene.write('b.log', 'head of a new file')
      scene.write('a.log', 'after the start')
      await scene.caughtUp()
      await scene.stop()
      scene.write('c.log', 'head of a file made while no agent ran')
      await scene.start()
    },
  },
  {
    number: '14',
    title: 'a hard link and a symbolic link are one file, also after a truncation',
    async run(scene) {
      scene.write('a.log', '1')
      fs.linkSync(scene.path('a.log'), scene.path('b.log'))
      fs.symlinkSync(scene.path('a.log'), scene.path('c.log'))
      await scene.start()
      scene.write('b.log', '2')
      scene.write('c.log', '3')
      await scene.caughtUp()
      fs.truncateSync(scene.path('c.log'))
      scene.write('b.log', 'after the truncation')
    },
  },
  {
    number: '15',
    title: 'a link that points to 30 files in turn: all 3000 lines',
    agent: { input: { paths: ['a.log'] } },
    single: true,
    async run(scene) {
      const point = (target: string) => {
        fs.symlinkSync(scene.path(target), scene.path('link'))
        fs.renameSync(scene.path('link'), scene.path('a.log'))
      }
      for (let turn = 0; turn < 30; turn += 1) {
        const target = `targets/${turn}`
        const lines = Array.from({ length: 100 }, (_, line) => `${turn}:${line}`)
        scene.write(target, ...lines.slice(0, 50))
        point(target)
        if (turn === 0) await scene.start()
        await scene.looked()
        scene.write(target, ...lines.slice(50))
      }
    },
  },
  {
    number: '16',
    title:
      'a link to nowhere is followed once it leads somewhere, and its target still when the link is gone',
    agent: { input: { paths: ['a.log'] } },
    async run(scene) {
      fs.symlinkSync(scene.path('target'), scene.path('a.log'))
      await scene.start()
      await scene.looked()
      scene.write('target', '1')
      await scene.caughtUp()
      scene.remove('a.log')
      scene.write('target', '2')
      await scene.looked()
      scene.write('target', '3')
    },
  },
  {
    number: '17',
    title: 'a FIFO, a directory, a device and a socket within the globs block nothing',
    async run(scene) {
      execFileSync('mkfifo', [scene.path('fifo.log')])
      fs.mkdirSync(scene.path('directory.log'))
      fs.symlinkSync('/dev/zero', scene.path('device.log'))
      fs.symlinkSync('/dev/log', scene.path('socket.log'))
      await scene.begin('z.log', '1')
      scene.write('z.log', '2')
    },
  },
  {
    number: '19',
    title: 'directories of a glob are removed and made again',
    agent: { input: { paths: ['*/app.log'] } },
    async run(scene) {
      await scene.start()
      for (let round = 0; round < 5; round += 1) {
        for (const name of ['x', 'y', 'z']) scene.write(`${name}/app.log`, `${name}${round}`)
        await scene.caughtUp()
        for (const name of ['x', 'y', 'z']) scene.remove(name)
        if (round % 2 === 0) await scene.looked(2)
      }
    },
  },
]
