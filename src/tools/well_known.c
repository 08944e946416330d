#include "tools/tool.h"

/* Device information as IoT Plug and Play has it: written from its documentation, so that templates which refer to
 * it need no network. */
static const char device_information[] =
    "{\n"
    "  \"@context\": \"dtmi:dtdl:context;2\",\n"
    "  \"@id\": \"dtmi:azure:DeviceManagement:DeviceInformation;1\",\n"
    "  \"@type\": \"Interface\",\n"
    "  \"displayName\": \"Device Information\",\n"
    "  \"contents\": [\n"
    "    {\"@type\": \"Property\", \"name\": \"manufacturer\", \"displayName\": \"Manufacturer\", \"schema\": \"string\",\n"
    "     \"description\": \"Company name of the device manufacturer.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"model\", \"displayName\": \"Device model\", \"schema\": \"string\",\n"
    "     \"description\": \"Device model name or id.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"swVersion\", \"displayName\": \"Software version\", \"schema\": \"string\",\n"
    "     \"description\": \"Version of the software on the device.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"osName\", \"displayName\": \"Operating system name\",\n"
    "     \"schema\": \"string\", \"description\": \"Name of the operating system on the device.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"processorArchitecture\", \"displayName\": \"Processor architecture\",\n"
    "     \"schema\": \"string\", \"description\": \"Architecture of the processor.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"processorManufacturer\", \"displayName\": \"Processor manufacturer\",\n"
    "     \"schema\": \"string\", \"description\": \"Manufacturer of the processor.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"totalStorage\", \"displayName\": \"Total storage\", \"schema\": \"double\",\n"
    "     \"description\": \"Storage on the device in kilobytes.\"},\n"
    "    {\"@type\": \"Property\", \"name\": \"totalMemory\", \"displayName\": \"Total memory\", \"schema\": \"double\",\n"
    "     \"description\": \"Memory on the device in kilobytes.\"}\n"
    "  ]\n"
    "}\n";

/* The library's own diagnostics component, as src/client/diagnostics.json has it. */
static const char diagnostics[] = {
#include "diagnostics_dtdl.inc" /* its bytes, written by CMake */
};

spoke_str tool_well_known(spoke_str dtmi)
{
    if (spoke_str_equal(dtmi, SPOKE_STR("dtmi:azure:DeviceManagement:DeviceInformation;1")))
        return spoke_str_from(device_information, sizeof device_information - 1);
    if (spoke_str_equal(dtmi, SPOKE_STR("dtmi:spoke:Diagnostics;1")))
        return spoke_str_from(diagnostics, sizeof diagnostics);
    return spoke_str_from(NULL, 0);
}
