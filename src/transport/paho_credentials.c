#include <string.h>

#include "transport/paho_link.h"
#include "transport/tls_options.h"

/* Another trust and identity. paho reads the files of a connection while it is being made, in threads of its own, so
 * that each open says which ones it means, and none are closed before their connection is. */

static spoke_status refuse(spoke_error *error, const char *text)
{
    *error = (spoke_error){SPOKE_E_STATE, SPOKE_SOURCE_CLIENT, 0, text};
    return SPOKE_E_STATE;
}

static void change(spoke_transport *t)
{
    pthread_mutex_lock(&t->lock);
    t->pem ^= 1u;
    pthread_mutex_unlock(&t->lock);
}

static spoke_status drop(spoke_transport *t, spoke_error *error)
{
    struct paho_pem *former = &t->pems[t->pem ^ 1u];
    if (!t->former_kept)
        return SPOKE_OK;
    if (t->used == former && t->phase != PAHO_CLOSED)
        return refuse(error, "the link still uses the former credentials: close it first");
    paho_pem_close(former);
    t->former_kept = false;
    return SPOKE_OK;
}

spoke_status paho_credentials(spoke_transport *t, const spoke_tls_options *tls, spoke_error *error)
{
    const unsigned other = t->pem ^ 1u;
    *error = paho_error(PAHO_LOSS_NONE, 0);
    if (tls == NULL)
        return drop(t, error);
    if (t->former_kept && tls_options_equal(tls, &t->tls[other])) {
        change(t);
        return SPOKE_OK;
    }
    if (t->former_kept)
        return refuse(error, "former credentials are still kept: drop them before others are taken");
    spoke_tls_options wanted = *tls;
    wanted.test_only = t->test_only;
    const spoke_status status = paho_pem_open(&t->pems[other], &wanted, error);
    if (status != SPOKE_OK) {
        paho_pem_close(&t->pems[other]);
        return status;
    }
    t->tls[other] = wanted;
    t->former_kept = true;
    change(t);
    return SPOKE_OK;
}

void paho_expiry(const spoke_transport *t, spoke_expiry *out)
{
    const struct paho_pem *pem = &t->pems[t->pem];
    *out = (spoke_expiry){.client_cert = pem->cert_ends, .trust = pem->trust_ends};
}
