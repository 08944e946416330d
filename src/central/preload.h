/* Device templates from files, at the start of the service: --templates. */
#ifndef SPOKE_SRC_CENTRAL_PRELOAD_H
#define SPOKE_SRC_CENTRAL_PRELOAD_H

#include <spoke/central/central.h>

#define PRELOAD_WHY_CAP 4096u

/* Puts a template for the file, or for each .json file in the folder and those below it. A file holds what a PUT of a
 * template takes; interfaces that it only refers to are looked for among the other files. Templates that are stored
 * already stay or are replaced. E_ARG: no such file; E_MODEL: a file is refused; `why` names it and says why. */
spoke_status preload_templates(spoke_central *central, const char *path, char *why, size_t why_cap);

#endif
