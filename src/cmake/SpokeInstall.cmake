# Installed files: headers, libraries, CMake package, pkg-config files.
