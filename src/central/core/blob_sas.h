/* Blob storage as a device needs it: an account out of a connection string, and shared access signatures that let a
 * device write one blob for a while. Nothing here talks to the storage. */
#ifndef SPOKE_SRC_CENTRAL_BLOB_SAS_H
#define SPOKE_SRC_CENTRAL_BLOB_SAS_H

#include <spoke/base.h>
#include <spoke/crypto.h>

#define BLOB_HOST_CAP 256u
#define BLOB_NAME_CAP 1025u /* a name has 1 to 1,024 bytes */
#define BLOB_TOKEN_CAP 256u

struct blob_account {
    char name[25];            /* 3 to 24 lower-case letters and digits */
    char host[BLOB_HOST_CAP]; /* with a port and a path, if the endpoint has them, and no slash behind */
    bool plain;               /* http: an emulator */
    spoke_key key;
};

/* "DefaultEndpointsProtocol=https;AccountName=..;AccountKey=..;EndpointSuffix=.." or with "BlobEndpoint=..". Wipe
 * out->key. E_ARG, and a sentence: what is missing or wrong. */
spoke_status blob_account_read(spoke_str connection, struct blob_account *out, const char **why);
/* 3 to 63 lower-case letters, digits and single dashes between them. */
bool blob_container_good(spoke_str name);
/* A path of at most 1,024 bytes UTF-8, without control characters, backslashes, or segments that are empty or dots:
 * what reads them as a way up must not leave the folder. */
bool blob_name_good(spoke_str name);
/* Appends "?sv=..&sig=.." that allows reading and writing the one blob until then. E_TOO_SMALL. */
spoke_status blob_sas(struct blob_account *account, spoke_str container, spoke_str blob, int64_t expires_s,
                      spoke_buf *out);

#endif
