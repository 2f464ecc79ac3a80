// Store: localStorage or sessionStorage, which may be missing, full, forbidden, or switched off by the visitor.

export interface Store {
  read(key: string): string | null
  /** Null removes. What can't be written is forgotten: the caller keeps its own copy in memory. */
  write(key: string, value: string | null): void
  /** Our keys that begin so. */
  keys(prefix: string): string[]
}

/** Opens an area; with `persistent` false nothing is ever read or written. */
export function openStore(persistent: boolean, area: 'localStorage' | 'sessionStorage'): Store {
  const attempt = <T>(use: (storage: Storage) => T, otherwise: T): T => {
    // Even naming window.localStorage throws where site data is blocked.
    try {
      return persistent ? use(window[area]) : otherwise
    } catch {
      return otherwise
    }
  }
  return {
    read: (key) => attempt((storage) => storage.getItem(key), null),
    write: (key, value) =>
      attempt(
        (storage) => (value === null ? storage.removeItem(key) : storage.setItem(key, value)),
        undefined,
      ),
    keys: (prefix) => attempt((storage) => Object.keys(storage).filter((key) => key.startsWith(prefix)), []),
  }
}
