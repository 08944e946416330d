/* Everything an application needs. */
#ifndef SPOKE_SPOKE_H
#define SPOKE_SPOKE_H

#include <spoke/client.h>
#include <spoke/runner.h>
#include <spoke/stats.h>

#endif
