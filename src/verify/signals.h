/* signals: their names. sigabbrev_np(3) is glibc's alone. */
#ifndef HARNESS_VERIFY_SIGNALS_H
#define HARNESS_VERIFY_SIGNALS_H

/* "SIGKILL", or "signal 42" for those without a name; returns a constant or buf. */
const char *signal_name(int number, char buf[16]);

#endif
