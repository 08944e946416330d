#include "machine.h"

/* The calls of parts that this build has left out (spoke/features.h): programs link, and are told. */

#if !SPOKE_WITH_PROPERTIES
spoke_status spoke_property_report(spoke_client *client, const char *component, const spoke_field *fields,
                                   size_t count)
{
    (void)client, (void)component, (void)fields, (void)count;
    return SPOKE_E_UNSUPPORTED;
}

#endif

#if !SPOKE_WITH_PROPERTIES || !SPOKE_WITH_DEFER
spoke_status spoke_property_ack(spoke_client *client, const char *component, const char *name, spoke_str value,
                                int64_t version, spoke_ack ack)
{
    (void)client, (void)component, (void)name, (void)value, (void)version, (void)ack;
    return SPOKE_E_UNSUPPORTED;
}
#endif

#if !SPOKE_WITH_COMMANDS || !SPOKE_WITH_DEFER
spoke_status spoke_command_reply(spoke_client *client, uint32_t request, int code, spoke_str json)
{
    (void)client, (void)request, (void)code, (void)json;
    return SPOKE_E_UNSUPPORTED;
}
#endif

#if !SPOKE_WITH_MESSAGES
spoke_status spoke_message_done(spoke_client *client, uint32_t request)
{
    (void)client, (void)request;
    return SPOKE_E_UNSUPPORTED;
}
#endif

#if !SPOKE_WITH_WORK
spoke_status spoke_work_begin(const spoke_command *call, uint32_t *id)
{
    (void)call, (void)id;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status spoke_work_next(spoke_client *client, uint32_t after, spoke_work *out)
{
    (void)client, (void)after, (void)out;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status spoke_work_finish(spoke_client *client, uint32_t id, const spoke_field *fields, size_t count)
{
    (void)client, (void)id, (void)fields, (void)count;
    return SPOKE_E_UNSUPPORTED;
}
#endif

#if !SPOKE_WITH_MOVE
spoke_status spoke_client_move(spoke_client *client, const char *id_scope, const char *provisioning_host)
{
    (void)client, (void)id_scope, (void)provisioning_host;
    return SPOKE_E_UNSUPPORTED;
}

spoke_ack spoke_move_command(const spoke_command *call, void *user)
{
    (void)call, (void)user;
    return spoke_reject(501, "this firmware cannot move");
}
#endif

#if !SPOKE_WITH_RENEWAL
spoke_status spoke_client_set_credential(spoke_client *client, const spoke_credential *credential)
{
    (void)client, (void)credential;
    return SPOKE_E_UNSUPPORTED;
}

spoke_status spoke_client_set_trust(spoke_client *client, const char *trust_pem)
{
    (void)client, (void)trust_pem;
    return SPOKE_E_UNSUPPORTED;
}
#endif

#if !SPOKE_WITH_STATS
spoke_status spoke_client_stats(const spoke_client *client, spoke_stats *out)
{
    (void)client, (void)out;
    return SPOKE_E_UNSUPPORTED;
}
#endif
