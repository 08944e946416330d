# Debian's arm-none-eabi-gcc with newlib-nano; picolibc.specs do as well.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # no program links before there is a linker script
set(CMAKE_C_FLAGS_INIT "--specs=nano.specs -mcpu=cortex-m4 -mthumb -ffunction-sections -fdata-sections")
