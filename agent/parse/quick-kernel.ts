// QuickKernel: looks at a line and writes its record, sixteen bytes at a time: what plain JavaScript does eight at a time at best.
//
// The code is the same for all formats: what it looks for and what it writes are tables in its memory, which quick-memory.ts
// keeps. All numbers are of 32 bits, little-endian. `$find` reads a shape:
//
//   at 0  values that a line has        for each value, from 16 on:
//      4  address of the parts' ranges     0  what it may be, one of `valueKinds`
//      8  where what a line begins with    4  the byte that it ends before
//         stands, counted from here        8  where what ends it stands, counted from the shape
//     12  bytes of it                     12  bytes of it
//                                         16  bytes that it may have
//                                         20  how many things it may be
//
// and `$write` a template: for each step bytes of text, and the addresses of the begin and the end of what is copied behind it;
// 0 behind the last. Both touch up to 15 bytes behind what they are asked for.
import { assemble } from './wat.ts'

/** What a value may be; from `textOrNothing` on, what it is counts in what `$find` gives. */
export const valueKinds = { text: 0, number: 1, textOrNothing: 2, numberOrText: 3, request: 4 } as const
const [shapeBytes, slotBytes] = [16, 24]

const source = `
(module
  ;; 1 when the literal stands at $at, whole, before $to.
  (func $isAt (param $at i32) (param $to i32) (param $literal i32) (param $length i32) (result i32)
    (local $differ i32)
    (if (i32.gt_s (i32.add (local.get $at) (local.get $length)) (local.get $to)) (then (return (i32.const 0))))
    (loop $next
      (local.set $differ (i32.xor (i32.const 0xffff)
        (i8x16.bitmask (i8x16.eq (v128.load (local.get $at)) (v128.load (local.get $literal))))))
      (if (i32.le_s (local.get $length) (i32.const 16)) (then (return (i32.eqz (i32.and (local.get $differ)
        (i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1)))))))
      (if (local.get $differ) (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $literal (i32.add (local.get $literal) (i32.const 16)))
      (local.set $length (i32.sub (local.get $length) (i32.const 16)))
      (br $next))
    (unreachable))

  ;; The first place of the byte, of a quote, of a backslash or of a byte below a blank; $to when there is none.
  (func $plainEnd (param $at i32) (param $to i32) (param $stop i32) (result i32)
    (local $bytes v128) (local $marks i32)
    (loop $next
      (if (i32.ge_s (local.get $at) (local.get $to)) (then (return (local.get $to))))
      (local.set $bytes (v128.load (local.get $at)))
      (local.set $marks (i8x16.bitmask (v128.or
        (v128.or (i8x16.eq (local.get $bytes) (i8x16.splat (local.get $stop)))
          (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20))))
        (v128.or (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x22)))
          (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x5c)))))))
      (if (local.get $marks) (then
        (local.set $at (i32.add (local.get $at) (i32.ctz (local.get $marks))))
        (if (i32.gt_s (local.get $at) (local.get $to)) (then (return (local.get $to))))
        (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br $next))
    (unreachable))

  ;; Where the digits at $at end.
  (func $digitsEnd (param $at i32) (param $to i32) (result i32)
    (block $end (loop $next
      (br_if $end (i32.ge_s (local.get $at) (local.get $to)))
      (br_if $end (i32.gt_u (i32.sub (i32.load8_u (local.get $at)) (i32.const 0x30)) (i32.const 9)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (local.get $at))

  ;; As numberEnd of values.ts.
  (func $numberEnd (param $at i32) (param $to i32) (result i32)
    (local $from i32) (local $digits i32) (local $byte i32)
    (if (i32.ge_s (local.get $at) (local.get $to)) (then (return (i32.const -1))))
    (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2d))
      (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))
    (local.set $from (local.get $at))
    (local.set $at (call $digitsEnd (local.get $at) (local.get $to)))
    (local.set $digits (i32.sub (local.get $at) (local.get $from)))
    (if (i32.eqz (local.get $digits)) (then (return (i32.const -1))))
    (if (i32.and (i32.gt_s (local.get $digits) (i32.const 1))
        (i32.eq (i32.load8_u (local.get $from)) (i32.const 0x30))) (then (return (i32.const -1))))
    (if (i32.and (i32.lt_s (local.get $at) (local.get $to))
        (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x2e))) (then
      (local.set $from (i32.add (local.get $at) (i32.const 1)))
      (local.set $at (call $digitsEnd (local.get $from) (local.get $to)))
      (if (i32.eq (local.get $at) (local.get $from)) (then (return (i32.const -1))))
      (local.set $digits (i32.add (local.get $digits) (i32.sub (local.get $at) (local.get $from))))))
    (if (i32.and (i32.lt_s (local.get $at) (local.get $to))
        (i32.eq (i32.or (i32.load8_u (local.get $at)) (i32.const 0x20)) (i32.const 0x65))) (then
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (if (i32.lt_s (local.get $at) (local.get $to)) (then
        (local.set $byte (i32.load8_u (local.get $at)))
        (if (i32.or (i32.eq (local.get $byte) (i32.const 0x2b)) (i32.eq (local.get $byte) (i32.const 0x2d)))
          (then (local.set $at (i32.add (local.get $at) (i32.const 1)))))))
      (local.set $from (local.get $at))
      (local.set $at (call $digitsEnd (local.get $at) (local.get $to)))
      (if (i32.gt_u (i32.sub (i32.sub (local.get $at) (local.get $from)) (i32.const 1)) (i32.const 1))
        (then (return (i32.const -1))))))
    (if (i32.gt_s (local.get $digits) (i32.const 15)) (then (return (i32.const -1))))
    (local.get $at))

  ;; As requestParts of access-log.ts, with the ranges at $parts: 1 for no request, else 3 and what of it is there.
  (func $request (param $from i32) (param $to i32) (param $parts i32) (result i32)
    (local $at i32) (local $byte i32) (local $protocol i32) (local $end i32) (local $state i32)
    (local.set $at (local.get $from))
    (block $method (loop $next
      (br_if $method (i32.ge_s (local.get $at) (local.get $to)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (br_if $method (i32.eqz (i32.or (i32.le_u (i32.sub (local.get $byte) (i32.const 0x41)) (i32.const 25))
        (i32.or (i32.eq (local.get $byte) (i32.const 0x2d)) (i32.eq (local.get $byte) (i32.const 0x5f))))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (if (i32.or (i32.eq (local.get $at) (local.get $from)) (i32.eq (local.get $at) (local.get $to)))
      (then (return (i32.const 1))))
    (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 0x20)) (then (return (i32.const 1))))
    (local.set $protocol (local.get $to))
    (block $space (loop $next
      (br_if $space (i32.eq (i32.load8_u (i32.sub (local.get $protocol) (i32.const 1))) (i32.const 0x20)))
      (local.set $protocol (i32.sub (local.get $protocol) (i32.const 1)))
      (br $next)))
    (i32.store (local.get $parts) (local.get $from))
    (i32.store offset=4 (local.get $parts) (local.get $at))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (local.set $state (i32.const 3))
    (local.set $end (local.get $to))
    (if (i32.ne (local.get $protocol) (local.get $at)) (then
      (local.set $end (i32.sub (local.get $protocol) (i32.const 1)))
      (local.set $state (i32.const 5))
      (i32.store offset=24 (local.get $parts) (local.get $protocol))
      (i32.store offset=28 (local.get $parts) (local.get $to))))
    (i32.store offset=8 (local.get $parts) (local.get $at))
    (local.set $at (call $plainEnd (local.get $at) (local.get $end) (i32.const 0x3f)))
    (i32.store offset=12 (local.get $parts) (local.get $at))
    (if (i32.lt_s (local.get $at) (local.get $end)) (then
      (local.set $state (i32.add (local.get $state) (i32.const 1)))
      (i32.store offset=16 (local.get $parts) (i32.add (local.get $at) (i32.const 1)))
      (i32.store offset=20 (local.get $parts) (local.get $end))))
    (local.get $state))

  ;; Fills the ranges of the values of a line; what they are as one number, -1 when it is not of this shape.
  (func $find (param $at i32) (param $to i32) (param $shape i32) (param $ranges i32) (result i32)
    (local $slot i32) (local $last i32) (local $from i32) (local $kind i32) (local $key i32) (local $end i32) (local $state i32)
    (if (i32.eqz (call $isAt (local.get $at) (local.get $to)
        (i32.add (local.get $shape) (i32.load offset=8 (local.get $shape))) (i32.load offset=12 (local.get $shape))))
      (then (return (i32.const -1))))
    (local.set $at (i32.add (local.get $at) (i32.load offset=12 (local.get $shape))))
    (local.set $slot (i32.add (local.get $shape) (i32.const ${shapeBytes})))
    (local.set $last (i32.add (local.get $slot) (i32.mul (i32.load (local.get $shape)) (i32.const ${slotBytes}))))
    (loop $next
      (local.set $from (local.get $at))
      (local.set $kind (i32.load (local.get $slot)))
      (if (i32.eq (local.get $kind) (i32.const ${valueKinds.number}))
        (then (local.set $at (call $numberEnd (local.get $at) (local.get $to)))
          (if (i32.lt_s (local.get $at) (i32.const 0)) (then (return (i32.const -1)))))
        (else (local.set $at (call $plainEnd (local.get $at) (local.get $to) (i32.load offset=4 (local.get $slot))))))
      (if (i32.eqz (call $isAt (local.get $at) (local.get $to)
          (i32.add (local.get $shape) (i32.load offset=8 (local.get $slot))) (i32.load offset=12 (local.get $slot))))
        (then (return (i32.const -1))))
      (if (i32.gt_s (i32.sub (local.get $at) (local.get $from)) (i32.load offset=16 (local.get $slot)))
        (then (return (i32.const -1))))
      (i32.store (local.get $ranges) (local.get $from))
      (i32.store offset=4 (local.get $ranges) (local.get $at))
      (if (i32.ge_s (local.get $kind) (i32.const ${valueKinds.textOrNothing})) (then
        (local.set $end (i32.sub (local.get $at) (local.get $from)))
        (local.set $state (i32.const 0))
        (if (i32.eqz (i32.or (i32.eqz (local.get $end)) (i32.and (i32.eq (local.get $end) (i32.const 1))
            (i32.eq (i32.load8_u (local.get $from)) (i32.const 0x2d))))) (then
          (local.set $state (i32.const 1))
          (if (i32.eq (local.get $kind) (i32.const ${valueKinds.numberOrText})) (then
            (if (i32.eq (call $numberEnd (local.get $from) (local.get $at)) (local.get $at))
              (then (local.set $state (i32.const 2))))))
          (if (i32.eq (local.get $kind) (i32.const ${valueKinds.request})) (then
            (local.set $state (call $request (local.get $from) (local.get $at) (i32.load offset=4 (local.get $shape))))))))
        (local.set $key (i32.add (local.get $state)
          (i32.mul (local.get $key) (i32.load offset=20 (local.get $slot)))))))
      (local.set $at (i32.add (local.get $at) (i32.load offset=12 (local.get $slot))))
      (local.set $ranges (i32.add (local.get $ranges) (i32.const 8)))
      (local.set $slot (i32.add (local.get $slot) (i32.const ${slotBytes})))
      (br_if $next (i32.lt_s (local.get $slot) (local.get $last))))
    (if (i32.ne (local.get $at) (local.get $to)) (then (return (i32.const -1))))
    (local.get $key))

  ;; Copies to $at; where it ends.
  (func $copy (param $at i32) (param $from i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done (loop $next
      (br_if $done (i32.ge_s (local.get $at) (local.get $end)))
      (v128.store (local.get $at) (v128.load (local.get $from)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (br $next)))
    (local.get $end))

  ;; Writes the steps of a template at $at, their text is at $text; where it ends.
  (func $write (param $step i32) (param $text i32) (param $at i32) (result i32)
    (local $length i32) (local $range i32)
    (loop $next
      (local.set $length (i32.load (local.get $step)))
      (local.set $at (call $copy (local.get $at) (local.get $text) (local.get $length)))
      (local.set $text (i32.add (local.get $text) (local.get $length)))
      (local.set $range (i32.load offset=4 (local.get $step)))
      (if (i32.eqz (local.get $range)) (then (return (local.get $at))))
      (local.set $range (i32.load (local.get $range)))
      (local.set $at (call $copy (local.get $at) (local.get $range)
        (i32.sub (i32.load (i32.load offset=8 (local.get $step))) (local.get $range))))
      (local.set $step (i32.add (local.get $step) (i32.const 12)))
      (br $next))
    (unreachable)))
`

/** The functions of the kernel over one memory; places and lengths are in that memory. */
export interface QuickKernel {
  /** What the values of the line `[at, to)` are, their ranges filled; -1 when it is not of the shape. */
  find(at: number, to: number, shape: number, ranges: number): number
  /** Writes a template, its text from `text` on, at `at`; where it ends. */
  write(steps: number, text: number, at: number): number
}

/** A memory of WebAssembly: its buffer is another one after it grew. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  /** By so many pages of 64 KiB. */
  grow(pages: number): number
}

/** What is used of the engine: its types come with those of browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: { readonly kernel: { readonly memory: WasmMemory } },
  ) => { readonly exports: QuickKernel }
  readonly Memory: new (options: { readonly initial: number }) => WasmMemory
}

let compiled: object | null = null

/** A kernel and its memory. Throws where the engine runs no such code: `--jitless`, or a CPU without SSE 4.1. */
export function quickKernel(pages: number): { readonly kernel: QuickKernel; readonly memory: WasmMemory } {
  compiled ??= new WebAssembly.Module(assemble(source))
  const memory = new WebAssembly.Memory({ initial: pages })
  return { kernel: new WebAssembly.Instance(compiled, { kernel: { memory } }).exports, memory }
}
