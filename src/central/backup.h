/* A copy of a data folder, made while the service runs. */
#ifndef SPOKE_SRC_CENTRAL_BACKUP_H
#define SPOKE_SRC_CENTRAL_BACKUP_H

#include <stdio.h>

#include <spoke/base.h>

/* Copies the store of data_dir (NULL: the usual folder) as it is at one moment, and its certificates and keys, into a
 * new folder that can be started as it is. It is on disk when this returns. Progress goes to `progress`, NULL: none. E_ARG: the folder is there already;
 * E_PORT: files. In each case nothing is left behind, and `why` has a sentence. */
spoke_status backup_make(const char *data_dir, const char *folder, FILE *progress, char *why, size_t why_cap);

#endif
