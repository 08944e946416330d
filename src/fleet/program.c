#include "tools/tool.h"

const char tool_program[] = "spoke";
