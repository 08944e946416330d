/* Certificates in bodies: of authorities, "signingCertificates", and of devices, "clientCertificates". */
#ifndef SPOKE_SRC_CENTRAL_REST_CERTIFICATES_H
#define SPOKE_SRC_CENTRAL_REST_CERTIFICATES_H

#include "central/core/x509.h"
#include "rest.h"

enum rest_change { REST_KEEP, REST_SET, REST_REMOVE };

/* One that a body brings: read and looked at, not stored. */
struct rest_certificate {
    enum rest_change change;
    uint8_t der[X509_MAX_BYTES];
    size_t len;
    struct x509_facts facts;
};

/* "primary" and "secondary", in this order. */
struct rest_certificates {
    struct rest_certificate of[2];
};

/* An attestation taken apart, without a look at what is in its kind. */
enum rest_attestation_kind { REST_BY_KEY, REST_BY_CERTIFICATE };
struct rest_attestation {
    enum rest_attestation_kind kind;
    const cJSON *keys, *x509; /* objects, or NULL */
};
/* False, with a reply. kind of what is there when a merge names none: *out->kind as it was. */
bool rest_attestation_read(struct rest_call *call, const cJSON *attestation, bool merge,
                           struct rest_attestation *out);

/* {"certificate": ..}; what else an answer has is read over. `place` for errors. An authority has to be one, a device's
 * may not be. False, with a 400. */
bool rest_certificate_read(struct rest_call *call, const cJSON *object, const char *place, bool authority,
                           struct rest_certificate *out);
/* {"signingCertificates": {"primary": .., "secondary": ..}}, or "clientCertificates" of devices. A null removes. */
bool rest_certificates_read(struct rest_call *call, const cJSON *x509, bool authority,
                            struct rest_certificates *out);
/* Stores what is to be set, and removes what is to go. One that is there already stays verified. */
spoke_status rest_certificates_keep(struct rest_call *call, enum store_owner kind, const char *owner,
                                    const struct rest_certificates *certificates);
/* False, with a 409: another group has one of them. */
bool rest_certificates_free(struct rest_call *call, const char *group,
                            const struct rest_certificates *certificates);
/* The object of one for an answer, and of both. */
cJSON *rest_certificate_json(const struct store_certificate *row, enum store_owner kind);
cJSON *rest_certificates_json(struct store *s, enum store_owner kind, const char *owner);

#endif
