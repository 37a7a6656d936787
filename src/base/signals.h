/* signals: their names. sigabbrev_np(3) is glibc's alone. */
#ifndef HARNESS_BASE_SIGNALS_H
#define HARNESS_BASE_SIGNALS_H

/* "SIGKILL", or "signal 42" for those without a name; returns a constant or buf. */
const char *signal_name(int number, char buf[16]);
/* Of "SIGTERM" or "TERM"; 0: there is no such name. */
int signal_number(const char *name);

#endif
