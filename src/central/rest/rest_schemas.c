#include "rest_schemas.h"

#include <string.h>

/* Members are "name:type" with spaces between. Types: string, time, uri, integer, number, boolean, object, any, another
 * form by its name, and each of them as "[type]". Before the name: '!' only in answers, '+' has to be there.
 * A line each, in order of name, so that two can be added without meeting. */
/* clang-format off */
static const struct {
    const char *name, *members; /* NULL: any JSON */
} SCHEMAS[] = {
    {"Any", NULL},
    {"ApiToken", "!id:string +roles:[RoleAssignment] expiry:time !token:string !etag:string"},
    {"Attestation", "+type:string symmetricKey:SymmetricKey x509:X509 tpm:object"},
    {"Certificate", "certificate:string !verified:boolean !info:CertificateInfo etag:string"},
    {"CertificateInfo", "!sha1Thumbprint:string"},
    {"Certificates", "primary:Certificate secondary:Certificate"},
    {"Command", "!id:string request:any connectionTimeout:integer responseTimeout:integer !response:any !responseCode:integer !flag:string !reason:string"},
    {"Component", "!@type:string !name:string"},
    {"ConnectionInfo", "!idScope:string !provisioningHost:string !mqttPort:integer !certificateAuthority:string"},
    {"Credentials", "!idScope:string !symmetricKey:SymmetricKey !x509:X509"},
    {"Dashboard", "!id:string etag:string +displayName:string tiles:[Tile] favorite:boolean personal:boolean organizations:[string]"},
    {"Device", "!id:string etag:string displayName:string template:string enabled:boolean !provisioned:boolean simulated:boolean organizations:[string] !connected:boolean !lastSeenTime:time"},
    {"DeviceGroup", "!id:string etag:string +displayName:string description:string +filter:string organizations:[string]"},
    {"DeviceTemplate", "+@id:string @type:any @context:any displayName:string description:any +capabilityModel:object etag:string"},
    {"EnrollmentGroup", "!id:string etag:string displayName:string enabled:boolean type:string !idScope:string organizations:[string] +attestation:Attestation"},
    {"Error", "+error:ErrorDetail"},
    {"ErrorDetail", "+code:string +message:string +requestId:string +time:string issues:[object]"},
    {"Event", "!position:integer !source:string !type:string !deviceId:string !templateId:string !component:string !enqueuedTime:time !creationTime:time !duplicate:boolean !body:any !text:string !messageProperties:object"},
    {"EventStream", NULL},
    {"File", "!correlationId:string !deviceId:string !blobName:string !blobUri:string !state:string !startTime:time !endTime:time !statusCode:integer !statusDescription:string"},
    {"FileUpload", "account:string +connectionString:string +container:string sasTtl:string !state:string etag:string"},
    {"History", "!from:time !to:time !bucketMs:integer !value:[HistoryBucket]"},
    {"HistoryBucket", "!timestamp:time !count:integer !min:number !avg:number !max:number !last:any"},
    {"Job", "!id:string !etag:string displayName:string description:string +group:string batch:JobAmount cancellationThreshold:JobAmount +data:[JobData] organizations:[string] !status:string !start:time !end:time !error:string !scheduledJobId:string !progress:JobProgress"},
    {"JobAmount", "+type:string +value:integer batch:boolean"},
    {"JobData", "+type:string target:string path:string value:any template:string"},
    {"JobDevice", "!id:string !status:string !message:string"},
    {"JobProgress", "!total:integer !pending:integer !completed:integer !failed:integer"},
    {"Me", "!id:string !type:string !roles:[RoleAssignment] !rights:[string] !applicationId:string !control:boolean"},
    {"Message", "body:any properties:object system:object"},
    {"Module", "!name:string !displayName:string"},
    {"Organization", "!id:string etag:string +displayName:string parent:string"},
    {"ProofOfPossession", "+certificate:string"},
    {"Properties", "!$metadata:object"},
    {"Query", "+query:string"},
    {"QueryResult", "!results:[object]"},
    {"Relationship", "!id:string etag:string source:string +target:string"},
    {"Role", "!id:string etag:string +displayName:string +rights:[string]"},
    {"RoleAssignment", "+role:string organization:string"},
    {"SavedQuery", "!id:string etag:string +displayName:string description:string +query:string organizations:[string]"},
    {"SigningCertificate", "+certificate:string !verified:boolean !info:CertificateInfo etag:string"},
    {"Schedule", "+start:time recurrence:string end:ScheduleEnd"},
    {"ScheduleEnd", "+type:string date:string occurrences:integer"},
    {"ScheduledJob", "!id:string etag:string displayName:string description:string +group:string batch:JobAmount cancellationThreshold:JobAmount +data:[JobData] organizations:[string] +schedule:Schedule enabled:boolean !completed:boolean"},
    {"SymmetricKey", "primaryKey:string secondaryKey:string"},
    {"Telemetry", "!timestamp:time !value:any !flag:string !reason:string"},
    {"Tile", "id:string +displayName:string x:integer y:integer width:integer height:integer +configuration:TileConfiguration"},
    {"TileConfiguration", "+type:string group:string devices:[string] capabilities:[object] queryRange:object format:object showTrend:boolean zoomLevel:number command:string device:string description:string href:string image:string text:string textSize:number textSizeUnit:string wordWrap:boolean sourceUrl:uri query:string"},
    {"User", "!id:string etag:string +type:string email:string tenantId:string objectId:string +roles:[RoleAssignment]"},
    {"View", "!id:string etag:string +displayName:string kind:string order:integer tiles:[ViewTile] !missing:[string]"},
    {"ViewTile", "id:string +displayName:string x:integer y:integer width:integer height:integer +configuration:ViewTileConfiguration"},
    {"ViewTileConfiguration", "+type:string capabilities:[object] queryRange:object format:object showTrend:boolean zoomLevel:number command:string description:string href:string image:string text:string textSize:number textSizeUnit:string wordWrap:boolean sourceUrl:uri"},
    {"VerificationCode", "!verificationCode:string"},
    {"X509", "clientCertificates:Certificates signingCertificates:Certificates"},
};
/* clang-format on */
#define COUNT (sizeof SCHEMAS / sizeof SCHEMAS[0])

static bool known(spoke_str name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (spoke_str_equal(spoke_str_of(SCHEMAS[i].name), name))
            return true;
    return false;
}

static spoke_str inside(spoke_str type, bool *list)
{
    *list = type.len > 2 && type.ptr[0] == '[';
    return *list ? spoke_str_from(type.ptr + 1, type.len - 2) : type;
}

bool rest_schema_known(const char *name)
{
    bool list;
    return known(inside(spoke_str_of(name), &list));
}

static cJSON *plain(const char *type, const char *format)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", type);
    if (format != NULL)
        cJSON_AddStringToObject(schema, "format", format);
    return schema;
}

static cJSON *reference(spoke_str name)
{
    char path[100] = "#/components/schemas/";
    cJSON *schema = cJSON_CreateObject();
    const size_t used = strlen(path);
    if (name.len >= sizeof path - used)
        return schema;
    memcpy(path + used, name.ptr, name.len);
    path[used + name.len] = '\0';
    cJSON_AddStringToObject(schema, "$ref", path);
    return schema;
}

static cJSON *single(spoke_str type)
{
    static const char *const PLAIN[] = {"string", "integer", "number", "boolean", "object"};
    for (size_t i = 0; i < sizeof PLAIN / sizeof PLAIN[0]; i++)
        if (spoke_str_equal(type, spoke_str_of(PLAIN[i])))
            return plain(PLAIN[i], NULL);
    if (spoke_str_equal(type, SPOKE_STR("time")))
        return plain("string", "date-time");
    if (spoke_str_equal(type, SPOKE_STR("uri")))
        return plain("string", "uri");
    return known(type) ? reference(type) : cJSON_CreateObject(); /* any */
}

static cJSON *array_of(cJSON *items)
{
    cJSON *schema = plain("array", NULL);
    cJSON_AddItemToObject(schema, "items", items);
    return schema;
}

/* "!name:type" into the schema's properties. */
static void add_member(cJSON *properties, cJSON *required, spoke_str text)
{
    char name[60] = "";
    spoke_str left, type;
    bool list;
    const bool read_only = text.ptr[0] == '!', needed = text.ptr[0] == '+';
    if (read_only || needed)
        text = spoke_str_from(text.ptr + 1, text.len - 1);
    (void)spoke_str_cut(text, ':', &left, &type);
    if (left.len >= sizeof name)
        return;
    memcpy(name, left.ptr, left.len);
    type = inside(type, &list);
    cJSON *schema = list ? array_of(single(type)) : single(type);
    if (read_only)
        cJSON_AddTrueToObject(schema, "readOnly");
    cJSON_AddItemToObject(properties, name, schema);
    if (needed)
        cJSON_AddItemToArray(required, cJSON_CreateString(name));
}

static cJSON *schema_json(const char *members)
{
    if (members == NULL)
        return cJSON_CreateObject();
    cJSON *schema = plain("object", NULL);
    cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
    cJSON *required = cJSON_CreateArray();
    spoke_str rest = spoke_str_of(members);
    while (rest.len > 0) {
        spoke_str member, tail = {NULL, 0};
        (void)spoke_str_cut(rest, ' ', &member, &tail);
        rest = tail;
        add_member(properties, required, member);
    }
    if (cJSON_GetArraySize(required) > 0)
        cJSON_AddItemToObject(schema, "required", required);
    else
        cJSON_Delete(required);
    return schema;
}

cJSON *rest_schemas_json(void)
{
    cJSON *schemas = cJSON_CreateObject();
    for (size_t i = 0; i < COUNT; i++)
        cJSON_AddItemToObject(schemas, SCHEMAS[i].name, schema_json(SCHEMAS[i].members));
    return schemas;
}

cJSON *rest_schema_reference(const char *name)
{
    bool list;
    const spoke_str item = inside(spoke_str_of(name), &list);
    if (!list)
        return reference(item);
    cJSON *schema = plain("object", NULL);
    cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
    cJSON_AddItemToObject(properties, "value", array_of(reference(item)));
    cJSON_AddItemToObject(properties, "nextLink", plain("string", "uri"));
    cJSON_AddItemToArray(cJSON_AddArrayToObject(schema, "required"), cJSON_CreateString("value"));
    return schema;
}
