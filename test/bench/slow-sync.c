/*
 * Preloaded into both measured servers: each sync of a file takes BENCH_SYNC_MS milliseconds more, as it does on a disk
 * that is reached over a network. What a group of changes committed together gains shows only where a sync costs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static void wait_for_disk(void) {
  const char *text = getenv("BENCH_SYNC_MS");
  double ms = text == NULL ? 0 : atof(text);
  struct timespec left = {(time_t)(ms / 1000), (long)((ms - 1000 * (long)(ms / 1000)) * 1e6)};
  while (nanosleep(&left, &left) != 0) {
  }
}

int fsync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  wait_for_disk();
  return next(file);
}

int fdatasync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  wait_for_disk();
  return next(file);
}
