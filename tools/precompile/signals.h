/* SIGINT, SIGTERM and SIGHUP end a command in order. */
#ifndef AITER_PRECOMPILE_SIGNALS_H
#define AITER_PRECOMPILE_SIGNALS_H

/* The first signal is noted, a second one ends the process at once. SIGHUP stays ignored if it
 * was. */
void signals_catch(void);

/* The number of the signal that came, 0: none. */
int signals_caught(void);

/* 128 + the number, as shells report it. */
int signals_exit_code(void);

/* Kills this process's children, for the moment before it ends without waiting for them. */
void signals_kill_children(void);

#endif
