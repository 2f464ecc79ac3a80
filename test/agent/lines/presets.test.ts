// Stack traces as languages print them: each one record, what stands around it left alone.
import { expect, test } from 'vitest'
import { type Preset, presetJoiner } from '../../../agent/lines/presets.ts'
import { multiline, textsIn } from './reading.ts'

const traces: Readonly<Record<Preset, readonly string[]>> = {
  java: [
    `Exception in thread "main" java.lang.IllegalStateException: no
\tat shop.Cart.add(Cart.java:17)
\tat shop.Main.main(Main.java:3)
Caused by: java.io.IOException: disk
\tat shop.Disk.write(Disk.java:9)
\t... 2 more
\tSuppressed: java.lang.Exception: closing
\t\tat shop.Disk.close(Disk.java:1)
\t\t... 12 common frames omitted`,
    `2026-11-21 06:00:00,001 ERROR [main] shop.Cart - java.lang.NullPointerException
\tat shop.Cart.add(Cart.java:17)`,
    `javax.servlet.ServletException: Something bad happened
    at com.example.myproject.OpenSessionInViewFilter.doFilter(OpenSessionInViewFilter.java:60)
Caused by: com.example.myproject.MyProjectServletException
    at com.example.myproject.MyServlet.doPost(MyServlet.java:169)
    ... 27 more`,
    `System.InvalidOperationException: This is the outer exception
 ---> System.InvalidOperationException: This is the inner exception
  at ExampleApp.Exception.LowestLevel () [0x00000] in <f2>:0
  --- End of inner exception stack trace ---
  at ExampleApp.Exception.Outer () [0x00017] in <f2>:0`,
  ],
  python: [
    `Traceback (most recent call last):
  File "/app/shop.py", line 3, in <module>
    add(cart)
    ~~~^^^^^^
  File "/app/shop.py", line 1, in add
    raise ValueError("no")
ValueError: no`,
    `Traceback (most recent call last):
  File "a.py", line 2, in <module>
    1/0
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 4, in <module>
    raise KeyError
KeyError`,
  ],
  go: [
    `panic: my panic [recovered]
\tpanic: again

goroutine 4 [running]:
panic(0x45cb40, 0x47ad70)
\t/usr/local/go/src/runtime/panic.go:542 +0x46c fp=0xc42003f7b8 sp=0xc42003f710 pc=0x422f7c
main.main.func1(0xc420024120)
\tfoo.go:6 +0x39 fp=0xc42003f7d8 sp=0xc42003f7b8 pc=0x451339
created by main.main
\tfoo.go:5 +0x58

goroutine 1 [chan receive]:
main.main()
\tfoo.go:9 +0x66`,
    `panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4823f5]

goroutine 1 [running]:
main.(*Cart).Add(...)
\t/app/main.go:8
main.main()
\t/app/main.go:12 +0x15`,
  ],
  ruby: [
    `app.rb:3:in 'Cart#add': no (ArgumentError)
\tfrom app.rb:7:in '<main>'`,
    `NoMethodError (undefined method \`resursivewordload' for #<BooksController:0x007f8dd9a0c738>):
  app/controllers/books_controller.rb:69:in \`recursivewordload'
  app/controllers/books_controller.rb:75:in \`loadword'`,
  ],
  node: [
    `TypeError: Cannot read properties of undefined (reading 'x')
    at add (/app/shop.js:3:9)
    at async main (file:///app/main.mjs:1:1)`,
    `/app/shop.js:3
    throw new TypeError('no')
    ^

TypeError: no
    at Object.<anonymous> (/app/shop.js:3:11)
    at node:internal/main/run_main_module:36:49`,
    `Error: connect ECONNREFUSED 127.0.0.1:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16) {
  errno: -111,
  [cause]: {
    code: 'ECONNREFUSED'
  }
}`,
    `Uncaught Error [ERR_HTTP_HEADERS_SENT]: Cannot set headers
    at new NodeError (node:internal/errors:405:5)`,
  ],
}

test.each(
  Object.entries(traces).flatMap(([name, all]) => all.map((trace) => [name as Preset, trace] as const)),
)('%s: %s', async (name, trace) => {
  const around = ['GET / 200', 'time=1 level=info msg="no error here"', '  indented, of no trace', '', 'x']
  const text = `${[...around, trace, ...around, trace].join('\n')}\n`
  expect(await textsIn(text, { framing: multiline([name]) })).toEqual([...around, trace, ...around, trace])
  // With all others beside it.
  const all = Object.keys(traces) as Preset[]
  expect(await textsIn(text, { framing: multiline(all) })).toEqual([...around, trace, ...around, trace])
})

test('what is no trace is not waited for', () => {
  const joiner = presetJoiner(['java', 'python', 'go', 'ruby', 'node'])
  expect(
    ['GET / 200', '', ' x', '{"level":"error","msg":"Error"}'].map((line) => joiner.begin(line)),
  ).toEqual([false, false, false, false])
})
