/* Tier 2: one thread that turns the crank of one client, for programs that want fire and forget.
 *
 *     spoke_runner *runner = NULL;
 *     status = spoke_runner_start(client, &runner);
 *     ... spoke_send(client, ...) from any thread ...
 *     status = spoke_runner_stop(runner);
 */
#ifndef SPOKE_RUNNER_H
#define SPOKE_RUNNER_H

#include <spoke/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spoke_runner spoke_runner;

/* Starts the thread. Handlers run in it. E_ARG: the client's platform has no lock and unlock (take one from
 * spoke_posix_create). Heap, once. */
SPOKE_API SPOKE_MUST_CHECK spoke_status spoke_runner_start(spoke_client *client, spoke_runner **out);
/* Wakes, joins and frees; the client stays as it is (close it afterwards). Returns what poll last returned.
 * Not from a handler (E_REENTRANT). NULL is fine. */
SPOKE_API spoke_status spoke_runner_stop(spoke_runner *runner);

#ifdef __cplusplus
}
#endif
#endif
