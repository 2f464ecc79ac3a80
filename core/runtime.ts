// Runtime: the outside world as one argument. Nothing below runtime/ asks for time, chance, disk or network elsewhere.

/** Time. `now` is wall-clock ms since 1970 and may jump; `monotonic` is ms that only grow, for measuring. */
export interface Clock {
  now(): number
  monotonic(): number
  /** Resolves after `ms`, or at once when `signal` aborts (never rejects: look at the signal). */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** Chance: `next` is uniform in [0, 1); `uuid` is a version 4 UUID. */
export interface Random {
  next(): number
  uuid(): string
}

/**
 * Our own disk. A write is safe after `sync`, a name after `syncDirectory`.
 * Errors: ENOSPC -> LogdriveError DISK_FULL; every other failed write, truncate or sync -> DISK_FAILED; a
 * missing file -> NOT_FOUND.
 */
export interface Storage {
  /** `read` opens an existing file for reading; `write` opens for both and creates it when missing. */
  open(path: string, mode: 'read' | 'write'): Promise<StorageFile>
  /** Names in a directory, sorted; empty when it does not exist. */
  list(directory: string): Promise<readonly string[]>
  /** Creates the directory and its parents, durably; fine when it exists. */
  makeDirectory(directory: string): Promise<void>
  /** Atomically replaces `to`. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file or an empty directory; fine when it is gone already. */
  remove(path: string): Promise<void>
  syncDirectory(directory: string): Promise<void>
}

export interface StorageFile extends AsyncDisposable {
  /** Bytes in the file as this handle knows it. */
  readonly size: number
  /** Fills `target` from `position`; resolves to the count of bytes read, less than asked only at the end. */
  read(position: number, target: Uint8Array): Promise<number>
  /** Writes all the pieces one behind the other, whole or not at all: a short write throws. The caller must not touch them before. */
  write(position: number, pieces: readonly Uint8Array[]): Promise<void>
  truncate(size: number): Promise<void>
  /** fdatasync. After a failure the file's state is unknown: stop acknowledging, never call it again. */
  sync(): Promise<void>
}

/** Other people's files: what an agent tails. Read, and removed where their owner asked for it; never written. */
export interface Files {
  /** Entries of a directory; throws NOT_FOUND when it is not there, FORBIDDEN when it may not be read. */
  list(directory: string): Promise<readonly DirectoryEntry[]>
  /** Facts of what the path leads to (links followed), or null when nothing is there. */
  stat(path: string): Promise<FileStat | null>
  /** Opens a regular file for reading; throws NOT_FOUND, FORBIDDEN, or TYPE_UNSUPPORTED (FIFO, device, directory). */
  open(path: string): Promise<ReadableFile>
  /** Room of the file system that holds the path; throws NOT_FOUND, FORBIDDEN. A dead network mount may never answer. */
  space(path: string): Promise<FileSystemSpace>
  /** Calls `hint` some time after something in the directories changed. Hints may be late, doubled or missing. */
  watch(directories: readonly string[], hint: Hint): Promise<Watch>
  /**
   * Removes the file at the path if it is the expected one: device, inode, birth time, size and modification time. Never through
   * a link, and never one of several names. Throws FORBIDDEN, with `details.readOnly` on a disk that is read-only, and UNAVAILABLE.
   */
  remove(path: string, expected: FileStat): Promise<Removal>
}

/**
 * `changed`: something else is at the path, or nothing. `symbolic_link`, `hard_link`: refused. `mistaken`: another file took the
 * name between the look and the removal, and lost it.
 */
export type Removal = 'removed' | 'changed' | 'symbolic_link' | 'hard_link' | 'mistaken'

/** Something changed in a directory; `name` is the entry that did, null where that is not known. */
export type Hint = (directory: string, name: string | null) => void

export interface Watch extends AsyncDisposable {
  /** Directories for which no hints are to be had; may grow. */
  readonly blind: ReadonlySet<string>
}

export interface DirectoryEntry {
  readonly name: string
  readonly kind: 'file' | 'directory' | 'link' | 'other'
}

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly dev: bigint
  readonly ino: bigint
  /** 0 where the file system does not know. */
  readonly birthtimeNs: bigint
  readonly size: number
  readonly mtimeMs: number
}

/** `freeBytes` counts what is kept for root, `availableBytes` does not. Inodes are 0 where there is no such bound. */
export interface FileSystemSpace {
  readonly sizeBytes: number
  readonly freeBytes: number
  readonly availableBytes: number
  readonly inodes: number
  readonly inodesFree: number
}

export interface ReadableFile extends AsyncDisposable {
  stat(): Promise<FileStat>
  read(position: number, target: Uint8Array): Promise<number>
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** HTTP, both ways, as plain records: measured 2-4 times faster than WHATWG Request and Response. */
export interface Http {
  /** Sends a request; rejects with UNAVAILABLE when no answer came (unknown outcome), never on a status. */
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>
  /**
   * Listens, with `tls` for https alone; port 0 takes a free one. Throws PORT_TAKEN, or CONFIG_INVALID for keys that TLS does
   * not take. Disposing stops listening and waits for open requests.
   */
  serve(
    address: Address,
    handler: HttpHandler,
    limits: HttpLimits,
    tls?: ListenTls | null,
  ): Promise<HttpServer>
}

export type Headers = Readonly<Record<string, string>>

export interface HttpRequest {
  readonly method: string
  /** Absolute, such as http://127.0.0.1:8750/v1/status. */
  readonly url: string
  readonly headers: Headers
  readonly body: Uint8Array | null
  /** Give up after this many ms without an answer. */
  readonly timeoutMs: number
}

export interface HttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Headers
  readonly body: Uint8Array
}

/** A request as a server sees it. Header names are in lower case. */
export interface ServerRequest {
  readonly method: string
  /** Path without the query, not decoded. */
  readonly path: string
  /** Query string without the question mark. */
  readonly query: string
  readonly headers: Headers
  /** Address of the other end of the socket. */
  readonly peer: string
  /** The whole body, not decompressed; throws REQUEST_TOO_LARGE past `bytesMax`, before it is in memory. */
  body(bytesMax: number): Promise<Uint8Array>
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal
}

/** An answer; a stream is written under back-pressure and ends when the client goes. */
export interface ServerResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array | string | AsyncIterable<Uint8Array>
}

export type HttpHandler = (request: ServerRequest) => Promise<ServerResponse>

export interface HttpLimits {
  /** Time for the headers to arrive, in ms. */
  readonly headersMs: number
  /** Time for the whole request to arrive, in ms. */
  readonly requestMs: number
  readonly connectionsMax: number
  readonly headerBytesMax: number
}

export interface HttpServer extends AsyncDisposable {
  readonly address: Address
  /** New connections see this certificate; those that are open stay. Throws CONFIG_INVALID for keys that TLS does not take. */
  renew(tls: ListenTls): void
}

/** TCP with or without TLS. */
export interface Transport {
  /** Connects; rejects with UNAVAILABLE when nobody answers or the other end is not who it should be. */
  connect(address: Address, options: ConnectOptions, signal: AbortSignal): Promise<Connection>
  /**
   * Listens; port 0 takes a free one. Throws PORT_TAKEN, or CONFIG_INVALID for keys that TLS does not take. `accept` owns
   * what it is given. Disposing stops listening; connections that are open stay so.
   */
  listen(
    address: Address,
    options: ListenOptions,
    accept: (connection: Connection) => void,
  ): Promise<TransportListener>
}

export interface ConnectOptions {
  /** Null: plain TCP. */
  readonly tls: ConnectTls | null
}

/** What a client shows and believes; PEM texts. */
export interface ConnectTls {
  /** Certificates that may sign the server's; null: those of the system. */
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
  /** The name that the server's certificate has to have; null: the host of the address. */
  readonly serverName: string | null
}

export interface ListenOptions {
  /** Null: plain TCP. */
  readonly tls: ListenTls | null
  /** Connections that are open at a time; others are closed at once. */
  readonly connectionsMax: number
}

/** What a server shows and asks for; PEM texts. */
export interface ListenTls {
  readonly cert: string
  readonly key: string
  /** Certificates that may sign those of clients; null where none are asked for. */
  readonly clientCa: string | null
  readonly clientAuth: 'none' | 'request' | 'require'
}

export interface TransportListener extends AsyncDisposable {
  readonly address: Address
  /** New connections see this certificate; those that are open stay. Throws CONFIG_INVALID for keys that TLS does not take. */
  renew(tls: ListenTls): void
}

/** Facts of the handshake. */
export interface TlsInfo {
  /** Such as TLSv1.3. */
  readonly protocol: string
  /** The subject of the client's certificate, verified, a `NAME=value` a line; null when it showed none that holds. */
  readonly clientSubject: string | null
}

/**
 * One connection, pulled: nothing more than a small buffer is read before somebody asks. Disposing lets what was written
 * go out (a few seconds at most) and closes.
 */
export interface Connection extends AsyncDisposable {
  /** The other end. */
  readonly peer: Address
  /** Our end: the address that the other one has reached. */
  readonly local: Address
  /** Null on plain TCP. */
  readonly tls: TlsInfo | null
  /** Aborts when the connection is over, whoever ended it. */
  readonly signal: AbortSignal
  /**
   * Puts bytes into `target`, `bytesMin` at least (1 to its length), and gives their count; fewer only where the other end
   * has ended the stream. No promise when the bytes are here already. Rejects with UNAVAILABLE when the connection broke. One
   * read at a time; `target` belongs to the transport meanwhile.
   */
  read(target: Uint8Array, bytesMin: number): Promise<number> | number
  /**
   * Sends all the pieces one behind the other; resolves when the system took them, which is the back-pressure. Rejects with
   * UNAVAILABLE when the connection broke. The caller must not touch the pieces before.
   */
  write(pieces: readonly Uint8Array[]): Promise<void>
  /** Ends the connection at once; what was not sent is gone. */
  abort(): void
}

/** Bytes that somebody else writes, pulled: standard input, the output of a program. */
export interface ByteStream extends AsyncDisposable {
  /**
   * The next bytes, some 64 KiB at most, the caller's; null at the end. One read at a time. Rejects with UNAVAILABLE. A
   * disposal ends one that waits as the end does.
   */
  read(): Promise<Uint8Array | null>
}

/** Programs of this machine. */
export interface Processes {
  /** Starts a program, without a shell, with a process group of its own. Throws NOT_FOUND, FORBIDDEN, UNAVAILABLE. */
  start(command: ProcessCommand): Promise<StartedProcess>
}

export interface ProcessCommand {
  /** A path, or a name that is looked for in the PATH of its environment. */
  readonly program: string
  readonly arguments: readonly string[]
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>
  /** Where it runs; null: where we do. */
  readonly folder: string | null
}

/** One process; it has no standard input. Disposing kills it with its group and waits for its end. */
export interface StartedProcess extends AsyncDisposable {
  readonly stdout: ByteStream
  readonly stderr: ByteStream
  /** How it ended: an exit code, or the signal that did it. Never rejects. */
  readonly exited: Promise<ProcessExit>
  /** Signals the process and its group. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void
}

export interface ProcessExit {
  readonly code: number | null
  readonly signal: string | null
}

/** UDP. */
export interface Datagrams {
  /** Receives; port 0 takes a free one. Throws PORT_TAKEN. `receive` is called for each datagram, whose bytes it owns. */
  bind(
    address: Address,
    options: { readonly receiveBufferBytes: number },
    receive: (bytes: Uint8Array, peer: Address) => void,
  ): Promise<DatagramSocket>
}

export interface DatagramSocket extends AsyncDisposable {
  readonly address: Address
  /** What the system gave, which may be less than what was asked for. */
  readonly receiveBufferBytes: number
}

/** Diagnostics: fields first, then a fixed sentence. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  child(fields: object): Logger
}

/** Everything a part may ask of the world. */
export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  readonly storage: Storage
  readonly files: Files
  readonly http: Http
  readonly transport: Transport
  readonly logger: Logger
}
