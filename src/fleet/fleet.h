/* The commands of the program spoke. Each gets the arguments from its own name on and answers an exit code. */
#ifndef SPOKE_SRC_FLEET_FLEET_H
#define SPOKE_SRC_FLEET_FLEET_H

/* 0: all went well: every device was READY, nothing failed, every message was acknowledged, at most a tenth was left
 * out. 1: something did not; it is in the summary. 2: wrong usage, or a file that cannot be read. */
int fleet_command(int argc, char **argv);

#endif
