/* The port that a device has in the place of the POSIX one (docs/porting.md): here one of no code at all, since what it
 * takes is the machine's affair. */
#include <spoke/platform.h>

const spoke_platform *spoke_platform_posix(void)
{
    static const spoke_platform platform = {.struct_size = sizeof(spoke_platform)};
    return &platform;
}
