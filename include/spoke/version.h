/* The library's version. The build reads it from here. */
#ifndef SPOKE_VERSION_H
#define SPOKE_VERSION_H

#define SPOKE_VERSION "0.1.0"

#endif
