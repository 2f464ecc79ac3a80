// A libc whose fdatasync fails once with EIO, when the file named by FAILING_SYNC is there: it is taken away with that.
// The file says of what and how: "PART KILL LOSES". PART is a piece of the path of the files meant. KILL is after how many
// microseconds the process gets kill -9, -1 for not at all. With LOSES 1 what was written since the last good fdatasync is
// gone, as when the kernel drops the pages; with 0 it stays, as when it keeps them, clean. Every other fdatasync is real, as
// on Linux, where the next one after a failure reports success. Built with gcc -shared -fPIC, used by LD_PRELOAD.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 1024 };

// How long files were when they were last synced.
static struct {
  dev_t device;
  ino_t inode;
  off_t size;
} synced[FILES_MAX];
static int files = 0;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static off_t synced_size(const struct stat *file) {
  off_t size = -1;
  pthread_mutex_lock(&lock);
  for (int at = 0; at < files; at++) {
    if (synced[at].device == file->st_dev && synced[at].inode == file->st_ino) size = synced[at].size;
  }
  pthread_mutex_unlock(&lock);
  return size;
}

static void remember(const struct stat *file) {
  pthread_mutex_lock(&lock);
  int at = 0;
  while (at < files && (synced[at].device != file->st_dev || synced[at].inode != file->st_ino)) at++;
  if (at < FILES_MAX) {
    synced[at].device = file->st_dev;
    synced[at].inode = file->st_ino;
    synced[at].size = file->st_size;
    if (at == files) files++;
  }
  pthread_mutex_unlock(&lock);
}

static void *kill_later(void *after) {
  usleep((useconds_t)(long)after);
  kill(getpid(), SIGKILL);
  return NULL;
}

// Whether this is the one that fails: only one caller can take the mark away.
static int is_meant(int fd, long *kill_us, int *loses) {
  const char *mark = getenv("FAILING_SYNC");
  FILE *file = mark == NULL ? NULL : fopen(mark, "re");
  if (file == NULL) return 0;
  char part[256];
  int words = fscanf(file, "%255s %ld %d", part, kill_us, loses);
  fclose(file);
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length > 0 ? length : 0] = 0;
  return words == 3 && strstr(path, part) != NULL && unlink(mark) == 0;
}

int fdatasync(int fd) {
  struct stat before;
  int is_known = fstat(fd, &before) == 0;
  long kill_us = -1;
  int loses = 0;
  if (is_meant(fd, &kill_us, &loses)) {
    off_t size = is_known ? synced_size(&before) : -1;
    if (loses && size >= 0 && ftruncate(fd, size) != 0) abort();
    pthread_t thread;
    if (kill_us >= 0 && pthread_create(&thread, NULL, kill_later, (void *)kill_us) != 0) abort();
    errno = EIO;
    return -1;
  }
  int result = (int)syscall(SYS_fdatasync, fd);
  if (result == 0 && is_known) remember(&before);
  return result;
}
