#include "system/transport_suite.h"

int main(void)
{
    const struct transport_kind native = {
        .ops = spoke_transport_native, .follows_clock = true, .uses_net = true, .tells_causes = true};
    return transport_suite_run(&native);
}
