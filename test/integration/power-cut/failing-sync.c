// A libc whose fdatasync fails once with EIO: the first one of a segment of the topic "notes" after the file named by
// FAILING_SYNC has appeared. Every other one is real, as on Linux, where the next one after a failure reports success.
// Built with gcc -shared -fPIC, used by LD_PRELOAD.
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int failed = 0;

int fdatasync(int fd) {
  const char *mark = getenv("FAILING_SYNC");
  if (mark != NULL && access(mark, F_OK) == 0) {
    char link[64];
    char path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (strstr(path, "/topics/notes/") != NULL && atomic_exchange(&failed, 1) == 0) {
      errno = EIO;
      return -1;
    }
  }
  return (int)syscall(SYS_fdatasync, fd);
}
