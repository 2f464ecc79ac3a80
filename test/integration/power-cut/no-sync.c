// The mutant: a libc whose fsync and fdatasync say yes and do nothing. Built with gcc -shared -fPIC, used by LD_PRELOAD.
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
int sync_file_range(int fd, long offset, long bytes, unsigned flags) {
  (void)fd; (void)offset; (void)bytes; (void)flags;
  return 0;
}
int syncfs(int fd) { (void)fd; return 0; }
void sync(void) {}
