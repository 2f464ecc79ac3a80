// The assembler: what it makes is WebAssembly that does what its text says. Needs an engine that runs it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assemble } from '../../../agent/parse/wat.ts'

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Readonly<Record<string, (...numbers: number[]) => number>> }
  readonly Memory: new (options: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
}

test('numbers of any size are what they were', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(200), (value, locals) => {
      const others = Array.from({ length: locals }, (_, index) => `(local $x${index} i32)`).join(' ')
      const { one } = run(`(func $one (result i32) ${others} (local $last i32)
        (local.set $last (i32.const ${value})) (local.get $last))`)
      expect(one?.()).toBe(value)
    }),
    { numRuns: 50 },
  )
})

test('blocks, loops, branches and calls', () => {
  const { sum, sign } = run(`
    (func $sum (param $n i32) (result i32) (local $sum i32)
      (block $done (loop $next ;; From n down to 1.
        (br_if $done (i32.eqz (local.get $n)))
        (if (i32.gt_s (local.get $n) (i32.const 1000)) (then (br $done)))
        (local.set $sum (call $add (local.get $sum) (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
      (local.get $sum))
    (func $add (param $a i32) (param $b i32) (result i32) (i32.add (local.get $a) (local.get $b)))
    (func $sign (param $n i32) (result i32)
      (if (i32.lt_s (local.get $n) (i32.const 0)) (then (local.set $n (i32.const -1)))
        (else (local.set $n (i32.const 1))))
      (local.get $n))`)
  expect([sum?.(0), sum?.(4), sum?.(1001)]).toEqual([0, 10, 0])
  expect([sign?.(-7), sign?.(7)]).toEqual([-1, 1])
})

test('memory, at an offset, one byte, four and sixteen at a time', () => {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const { copy } = run(
    `(func $copy (param $from i32) (param $to i32) (result i32)
      (v128.store offset=300 (local.get $to) (v128.load (local.get $from)))
      (i32.store (local.get $to) (i32.load offset=1 (local.get $from)))
      (i32.load8_u offset=2 (local.get $from)))`,
    memory,
  )
  const bytes = Buffer.from(memory.buffer)
  bytes.write('sixteen bytes..!', 1000)
  expect(copy?.(1000, 2000)).toBe('x'.charCodeAt(0))
  expect(bytes.toString('latin1', 2300, 2316)).toBe('sixteen bytes..!')
  expect(bytes.toString('latin1', 2000, 2004)).toBe('ixte')
})

test('words that are not known are refused', () => {
  for (const text of [
    '(local.get $there)',
    '(call $nobody)',
    '(f64.add (i32.const 1) (i32.const 2))',
    '(br $nowhere)',
    '(i32.const)',
  ])
    expect(() => run(`(func $one (result i32) ${text})`)).toThrow()
  expect(() => assemble('(func $one)')).toThrow('(module ...)')
})

function run(functions: string, memory: object = new WebAssembly.Memory({ initial: 1 })) {
  const module = new WebAssembly.Module(assemble(`(module ${functions})`))
  return new WebAssembly.Instance(module, { kernel: { memory } }).exports
}
