/* Makes the disk under the journal fail, for a process that is started with this library preloaded:
 * while the file $FAILING_DISK_FULL exists, writes to the journal's files fail with ENOSPC; while
 * $FAILING_DISK_BROKEN exists, flushes of them fail with EIO. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int applies(int fd, const char *variable) {
    const char *flag = getenv(variable);
    if (!flag || access(flag, F_OK) != 0) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "journal.db") != NULL;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FULL(fd) do { if (applies(fd, "FAILING_DISK_FULL")) { errno = ENOSPC; return -1; } } while (0)
#define BROKEN(fd) do { if (applies(fd, "FAILING_DISK_BROKEN")) { errno = EIO; return -1; } } while (0)

ssize_t write(int fd, const void *bytes, size_t length) {
    FULL(fd);
    return REAL(write)(fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    FULL(fd);
    return REAL(pwrite)(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    FULL(fd);
    return REAL(pwrite64)(fd, bytes, length, offset);
}

int fsync(int fd) {
    BROKEN(fd);
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    BROKEN(fd);
    return REAL(fdatasync)(fd);
}
