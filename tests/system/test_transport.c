#include "system/transport_suite.h"

int main(void)
{
    static const struct transport_kind kinds[] = {
        {.ops = spoke_transport_native, .follows_clock = true, .uses_net = true, .tells_causes = true},
#ifdef SPOKE_HAVE_PAHO
        {.ops = spoke_transport_paho},
#endif
    };
    int failed = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        failed += transport_suite_run(&kinds[i]);
    return failed;
}
