#include "model/dtdl_terms.h"

#include <string.h>

/* Sorted by name, bytewise. */
static const struct term terms[] = {
    {"Acceleration", 12, TERM_SEMANTIC, UNIT_TYPE_ACCELERATION_UNIT, V2 | QTS},
    {"AccelerationUnit", 16, TERM_UNIT_TYPE, UNIT_TYPE_ACCELERATION_UNIT, V2 | QTS},
    {"AccelerationVector", 18, TERM_TYPE, TYPE_ACCELERATION_VECTOR, CEN},
    {"AdjunctType", 11, TERM_ABSTRACT_TYPE, 0, V34},
    {"Alias", 5, TERM_ABSTRACT_TYPE, 0, V34},
    {"Angle", 5, TERM_SEMANTIC, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"AngleUnit", 9, TERM_UNIT_TYPE, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"AngularAcceleration", 19, TERM_SEMANTIC, UNIT_TYPE_ANGULAR_ACCELERATION_UNIT, V2 | QTS},
    {"AngularAccelerationUnit", 23, TERM_UNIT_TYPE, UNIT_TYPE_ANGULAR_ACCELERATION_UNIT, V2 | QTS},
    {"AngularVelocity", 15, TERM_SEMANTIC, UNIT_TYPE_ANGULAR_VELOCITY_UNIT, V2 | QTS},
    {"AngularVelocityUnit", 19, TERM_UNIT_TYPE, UNIT_TYPE_ANGULAR_VELOCITY_UNIT, V2 | QTS},
    {"ApparentEnergy", 14, TERM_SEMANTIC, UNIT_TYPE_APPARENT_ENERGY_UNIT, QTS},
    {"ApparentEnergyUnit", 18, TERM_UNIT_TYPE, UNIT_TYPE_APPARENT_ENERGY_UNIT, QTS},
    {"ApparentPower", 13, TERM_SEMANTIC, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"ApparentPowerUnit", 17, TERM_UNIT_TYPE, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"Area", 4, TERM_SEMANTIC, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"AreaUnit", 8, TERM_UNIT_TYPE, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"Array", 5, TERM_CLASS, DTDL_ARRAY, ALL},
    {"BinaryPrefix", 12, TERM_OTHER, 0, V2 | QTS},
    {"BinaryUnit", 10, TERM_OTHER, 0, V2 | QTS},
    {"Boolean", 7, TERM_CLASS, DTDL_BOOLEAN, ALL},
    {"Byte", 4, TERM_CLASS, DTDL_BYTE, V4},
    {"Bytes", 5, TERM_CLASS, DTDL_BYTES, V4},
    {"Cacheable", 9, TERM_TYPE, TYPE_CACHEABLE, MQ1 | MQ2 | MQ3 | MQ4},
    {"Capacitance", 11, TERM_SEMANTIC, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"CapacitanceUnit", 15, TERM_UNIT_TYPE, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"ChargeUnit", 10, TERM_UNIT_TYPE, UNIT_TYPE_CHARGE_UNIT, V2 | QTS},
    {"Command", 7, TERM_CLASS, DTDL_COMMAND, ALL},
    {"CommandPayload", 14, TERM_CLASS, DTDL_COMMAND_PAYLOAD, ALL},
    {"CommandRequest", 14, TERM_CLASS, DTDL_COMMAND_REQUEST, V34},
    {"CommandResponse", 15, TERM_CLASS, DTDL_COMMAND_RESPONSE, V34},
    {"CommandType", 11, TERM_CLASS, DTDL_COMMAND_TYPE, ALL},
    {"ComplexSchema", 13, TERM_OTHER, 0, ALL},
    {"Component", 9, TERM_CLASS, DTDL_COMPONENT, ALL},
    {"Composite", 9, TERM_TYPE, TYPE_COMPOSITE, OPS},
    {"Concentration", 13, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, QTS},
    {"Congruence", 10, TERM_TYPE, TYPE_CONGRUENCE, OPS},
    {"Content", 7, TERM_OTHER, 0, ALL},
    {"Current", 7, TERM_SEMANTIC, UNIT_TYPE_CURRENT_UNIT, V2 | QTS},
    {"CurrentUnit", 11, TERM_UNIT_TYPE, UNIT_TYPE_CURRENT_UNIT, V2 | QTS},
    {"DataRate", 8, TERM_SEMANTIC, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"DataRateUnit", 12, TERM_UNIT_TYPE, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"DataSize", 8, TERM_SEMANTIC, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"DataSizeUnit", 12, TERM_UNIT_TYPE, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"Date", 4, TERM_CLASS, DTDL_DATE, ALL},
    {"DateTime", 8, TERM_CLASS, DTDL_DATE_TIME, ALL},
    {"Decimal", 7, TERM_CLASS, DTDL_DECIMAL, V4},
    {"DecimalPrefix", 13, TERM_OTHER, 0, V2 | QTS},
    {"DecimalUnit", 11, TERM_OTHER, 0, V2 | QTS},
    {"Density", 7, TERM_SEMANTIC, UNIT_TYPE_DENSITY_UNIT, V2 | QTS},
    {"DensityUnit", 11, TERM_UNIT_TYPE, UNIT_TYPE_DENSITY_UNIT, V2 | QTS},
    {"Detail", 6, TERM_TYPE, TYPE_DETAIL, OPS},
    {"Distance", 8, TERM_SEMANTIC, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"Double", 6, TERM_CLASS, DTDL_DOUBLE, ALL},
    {"DtdlExtension", 13, TERM_OTHER, 0, V34},
    {"Duration", 8, TERM_CLASS, DTDL_DURATION, ALL},
    {"DynamicViscosity", 16, TERM_SEMANTIC, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"DynamicViscosityUnit", 20, TERM_UNIT_TYPE, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"Efficiency", 10, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, QT3},
    {"ElectricCharge", 14, TERM_SEMANTIC, UNIT_TYPE_CHARGE_UNIT, V2 | QTS},
    {"Energy", 6, TERM_SEMANTIC, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"EnergyRate", 10, TERM_SEMANTIC, UNIT_TYPE_POWER_UNIT, QTS},
    {"EnergyRateUnit", 14, TERM_UNIT_TYPE, UNIT_TYPE_POWER_UNIT, QTS},
    {"EnergyUnit", 10, TERM_UNIT_TYPE, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"Entity", 6, TERM_OTHER, 0, ALL},
    {"Enum", 4, TERM_CLASS, DTDL_ENUM, ALL},
    {"EnumValue", 9, TERM_CLASS, DTDL_ENUM_VALUE, ALL},
    {"Error", 5, TERM_TYPE, TYPE_ERROR, MQ3 | MQ4},
    {"ErrorCode", 9, TERM_TYPE, TYPE_ERROR_CODE, MQ4},
    {"ErrorInfo", 9, TERM_TYPE, TYPE_ERROR_INFO, MQ4},
    {"ErrorMessage", 12, TERM_TYPE, TYPE_ERROR_MESSAGE, MQ3 | MQ4},
    {"ErrorResult", 11, TERM_TYPE, TYPE_ERROR_RESULT, MQ3 | MQ4},
    {"Event", 5, TERM_TYPE, TYPE_EVENT, CEN | OPS},
    {"Field", 5, TERM_CLASS, DTDL_FIELD, ALL},
    {"Float", 5, TERM_CLASS, DTDL_FLOAT, ALL},
    {"Force", 5, TERM_SEMANTIC, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"ForceUnit", 9, TERM_UNIT_TYPE, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"Fragmented", 10, TERM_TYPE, TYPE_FRAGMENTED, MQ4},
    {"Frequency", 9, TERM_SEMANTIC, UNIT_TYPE_FREQUENCY_UNIT, V2 | QTS},
    {"FrequencyUnit", 13, TERM_UNIT_TYPE, UNIT_TYPE_FREQUENCY_UNIT, V2 | QTS},
    {"GasLeakageRate", 14, TERM_SEMANTIC, UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT, QT3},
    {"GasLeakageRateUnit", 18, TERM_UNIT_TYPE, UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT, QT3},
    {"GroupMember", 11, TERM_TYPE, TYPE_GROUP_MEMBER, OPS},
    {"HasCapability", 13, TERM_TYPE, TYPE_HAS_CAPABILITY, OPS},
    {"HasComponent", 12, TERM_TYPE, TYPE_HAS_COMPONENT, OPS},
    {"Historized", 10, TERM_TYPE, TYPE_HISTORIZED, HI1 | HI2},
    {"Humidity", 8, TERM_SEMANTIC, UNIT_TYPE_DENSITY_UNIT, V2 | QTS},
    {"Idempotent", 10, TERM_TYPE, TYPE_IDEMPOTENT, MQ1 | MQ2 | MQ3 | MQ4},
    {"Illuminance", 11, TERM_SEMANTIC, UNIT_TYPE_ILLUMINANCE_UNIT, V2 | QTS},
    {"IlluminanceUnit", 15, TERM_UNIT_TYPE, UNIT_TYPE_ILLUMINANCE_UNIT, V2 | QTS},
    {"Indexed", 7, TERM_TYPE, TYPE_INDEXED, MQ1 | MQ2 | MQ3 | MQ4},
    {"Indirect", 8, TERM_TYPE, TYPE_INDIRECT, MQ4},
    {"Inductance", 10, TERM_SEMANTIC, UNIT_TYPE_INDUCTANCE_UNIT, V2 | QTS},
    {"InductanceUnit", 14, TERM_UNIT_TYPE, UNIT_TYPE_INDUCTANCE_UNIT, V2 | QTS},
    {"Integer", 7, TERM_CLASS, DTDL_INTEGER, ALL},
    {"Interface", 9, TERM_CLASS, DTDL_INTERFACE, ALL},
    {"IonizingRadiationDose", 21, TERM_SEMANTIC, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"IonizingRadiationDoseUnit", 25, TERM_UNIT_TYPE, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"Irradiance", 10, TERM_SEMANTIC, UNIT_TYPE_IRRADIANCE_UNIT, QTS},
    {"IrradianceUnit", 14, TERM_UNIT_TYPE, UNIT_TYPE_IRRADIANCE_UNIT, QTS},
    {"KinematicViscosity", 18, TERM_SEMANTIC, UNIT_TYPE_KINEMATIC_VISCOSITY_UNIT, QT3},
    {"KinematicViscosityUnit", 22, TERM_UNIT_TYPE, UNIT_TYPE_KINEMATIC_VISCOSITY_UNIT, QT3},
    {"LatentType", 10, TERM_OTHER, 0, V34},
    {"Latitude", 8, TERM_SEMANTIC, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"Length", 6, TERM_SEMANTIC, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"LengthUnit", 10, TERM_UNIT_TYPE, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"Limited", 7, TERM_TYPE, TYPE_LIMITED, OPS},
    {"Location", 8, TERM_TYPE, TYPE_LOCATION, CEN},
    {"Long", 4, TERM_CLASS, DTDL_LONG, ALL},
    {"Longitude", 9, TERM_SEMANTIC, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"Luminance", 9, TERM_SEMANTIC, UNIT_TYPE_LUMINANCE_UNIT, V2 | QTS},
    {"LuminanceUnit", 13, TERM_UNIT_TYPE, UNIT_TYPE_LUMINANCE_UNIT, V2 | QTS},
    {"Luminosity", 10, TERM_SEMANTIC, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"LuminousFlux", 12, TERM_SEMANTIC, UNIT_TYPE_LUMINOUS_FLUX_UNIT, V2 | QTS},
    {"LuminousFluxUnit", 16, TERM_UNIT_TYPE, UNIT_TYPE_LUMINOUS_FLUX_UNIT, V2 | QTS},
    {"LuminousIntensity", 17, TERM_SEMANTIC, UNIT_TYPE_LUMINOUS_INTENSITY_UNIT, V2 | QTS},
    {"LuminousIntensityUnit", 21, TERM_UNIT_TYPE, UNIT_TYPE_LUMINOUS_INTENSITY_UNIT, V2 | QTS},
    {"MagneticFlux", 12, TERM_SEMANTIC, UNIT_TYPE_MAGNETIC_FLUX_UNIT, V2 | QTS},
    {"MagneticFluxUnit", 16, TERM_UNIT_TYPE, UNIT_TYPE_MAGNETIC_FLUX_UNIT, V2 | QTS},
    {"MagneticInduction", 17, TERM_SEMANTIC, UNIT_TYPE_MAGNETIC_INDUCTION_UNIT, V2 | QTS},
    {"MagneticInductionUnit", 21, TERM_UNIT_TYPE, UNIT_TYPE_MAGNETIC_INDUCTION_UNIT, V2 | QTS},
    {"Map", 3, TERM_CLASS, DTDL_MAP, ALL},
    {"MapKey", 6, TERM_CLASS, DTDL_MAP_KEY, ALL},
    {"MapValue", 8, TERM_CLASS, DTDL_MAP_VALUE, ALL},
    {"Mass", 4, TERM_SEMANTIC, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"MassFlowRate", 12, TERM_SEMANTIC, UNIT_TYPE_MASS_FLOW_RATE_UNIT, V2 | QTS},
    {"MassFlowRateUnit", 16, TERM_UNIT_TYPE, UNIT_TYPE_MASS_FLOW_RATE_UNIT, V2 | QTS},
    {"MassUnit", 8, TERM_UNIT_TYPE, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"Mqtt", 4, TERM_TYPE, TYPE_MQTT, MQ1 | MQ2 | MQ3 | MQ4},
    {"NamedEntity", 11, TERM_OTHER, 0, ALL},
    {"NamedLatentType", 15, TERM_OTHER, 0, V34},
    {"NormalResult", 12, TERM_TYPE, TYPE_NORMAL_RESULT, MQ3 | MQ4},
    {"NumericSchema", 13, TERM_OTHER, 0, ALL},
    {"Object", 6, TERM_CLASS, DTDL_OBJECT, ALL},
    {"Override", 8, TERM_TYPE, TYPE_OVERRIDE, OV1 | OV2},
    {"Power", 5, TERM_SEMANTIC, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"PowerUnit", 9, TERM_UNIT_TYPE, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"Precise", 7, TERM_TYPE, TYPE_PRECISE, OPS},
    {"Pressure", 8, TERM_SEMANTIC, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"PressureUnit", 12, TERM_UNIT_TYPE, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"PrimitiveSchema", 15, TERM_OTHER, 0, ALL},
    {"Property", 8, TERM_CLASS, DTDL_PROPERTY, ALL},
    {"PropertyResult", 14, TERM_TYPE, TYPE_PROPERTY_RESULT, MQ4},
    {"PropertyValue", 13, TERM_TYPE, TYPE_PROPERTY_VALUE, MQ4},
    {"Qualified", 9, TERM_TYPE, TYPE_QUALIFIED, OPS},
    {"QuantitativeType", 16, TERM_ABSTRACT_TYPE, 0, V2 | QTS},
    {"Radioactivity", 13, TERM_SEMANTIC, UNIT_TYPE_RADIOACTIVITY_UNIT, QTS},
    {"RadioactivityUnit", 17, TERM_UNIT_TYPE, UNIT_TYPE_RADIOACTIVITY_UNIT, QTS},
    {"RatioUnit", 9, TERM_OTHER, 0, V2 | QTS},
    {"ReactiveEnergy", 14, TERM_SEMANTIC, UNIT_TYPE_REACTIVE_ENERGY_UNIT, QTS},
    {"ReactiveEnergyUnit", 18, TERM_UNIT_TYPE, UNIT_TYPE_REACTIVE_ENERGY_UNIT, QTS},
    {"ReactivePower", 13, TERM_SEMANTIC, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"ReactivePowerUnit", 17, TERM_UNIT_TYPE, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"ReadError", 9, TERM_TYPE, TYPE_READ_ERROR, MQ4},
    {"ReciprocalLength", 16, TERM_SEMANTIC, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"ReciprocalLengthUnit", 20, TERM_UNIT_TYPE, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"ReciprocalTime", 14, TERM_SEMANTIC, UNIT_TYPE_RECIPROCAL_TIME_UNIT, QT3},
    {"ReciprocalTimeUnit", 18, TERM_UNIT_TYPE, UNIT_TYPE_RECIPROCAL_TIME_UNIT, QT3},
    {"Relationship", 12, TERM_CLASS, DTDL_RELATIONSHIP, ALL},
    {"RelativeDensity", 15, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, QTS},
    {"RelativeHumidity", 16, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, V2 | QTS},
    {"RelativeMeasure", 15, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, QT3},
    {"Required", 8, TERM_TYPE, TYPE_REQUIRED, RQ1 | RQ2},
    {"Resistance", 10, TERM_SEMANTIC, UNIT_TYPE_RESISTANCE_UNIT, V2 | QTS},
    {"ResistanceUnit", 14, TERM_UNIT_TYPE, UNIT_TYPE_RESISTANCE_UNIT, V2 | QTS},
    {"Result", 6, TERM_TYPE, TYPE_RESULT, MQ3 | MQ4},
    {"Scale", 5, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, QT3},
    {"ScaledStatically", 16, TERM_TYPE, TYPE_SCALED_STATICALLY, OPS},
    {"Schema", 6, TERM_OTHER, 0, ALL},
    {"SchemaField", 11, TERM_OTHER, 0, ALL},
    {"SemanticType", 12, TERM_ABSTRACT_TYPE, 0, ALL},
    {"SemanticUnit", 12, TERM_ABSTRACT_TYPE, 0, ALL},
    {"Short", 5, TERM_CLASS, DTDL_SHORT, V4},
    {"SoundPressure", 13, TERM_SEMANTIC, UNIT_TYPE_SOUND_PRESSURE_UNIT, V2 | QTS},
    {"SoundPressureUnit", 17, TERM_UNIT_TYPE, UNIT_TYPE_SOUND_PRESSURE_UNIT, V2 | QTS},
    {"State", 5, TERM_TYPE, TYPE_STATE, CEN},
    {"String", 6, TERM_CLASS, DTDL_STRING, ALL},
    {"Subject", 7, TERM_TYPE, TYPE_SUBJECT, OPS},
    {"SymbolicUnit", 12, TERM_OTHER, 0, QTS},
    {"Telemetry", 9, TERM_CLASS, DTDL_TELEMETRY, ALL},
    {"Temperature", 11, TERM_SEMANTIC, UNIT_TYPE_TEMPERATURE_UNIT, V2 | QTS},
    {"TemperatureUnit", 15, TERM_UNIT_TYPE, UNIT_TYPE_TEMPERATURE_UNIT, V2 | QTS},
    {"TemporalSchema", 14, TERM_OTHER, 0, ALL},
    {"Throttle", 8, TERM_SEMANTIC, UNIT_TYPE_UNITLESS, QT3},
    {"Thrust", 6, TERM_SEMANTIC, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"Time", 4, TERM_CLASS, DTDL_TIME, ALL},
    {"TimeSpan", 8, TERM_SEMANTIC, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"TimeUnit", 8, TERM_UNIT_TYPE, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"Torque", 6, TERM_SEMANTIC, UNIT_TYPE_TORQUE_UNIT, V2 | QTS},
    {"TorqueUnit", 10, TERM_UNIT_TYPE, UNIT_TYPE_TORQUE_UNIT, V2 | QTS},
    {"Transparent", 11, TERM_TYPE, TYPE_TRANSPARENT, MQ2 | MQ3 | MQ4},
    {"Unit", 4, TERM_CLASS, DTDL_UNIT, ALL},
    {"UnitAttribute", 13, TERM_CLASS, DTDL_UNIT_ATTRIBUTE, ALL},
    {"UnitPrefix", 10, TERM_OTHER, 0, QTS},
    {"Unitless", 8, TERM_UNIT_TYPE, UNIT_TYPE_UNITLESS, V2 | QTS},
    {"UnsignedByte", 12, TERM_CLASS, DTDL_UNSIGNED_BYTE, V4},
    {"UnsignedInteger", 15, TERM_CLASS, DTDL_UNSIGNED_INTEGER, V4},
    {"UnsignedLong", 12, TERM_CLASS, DTDL_UNSIGNED_LONG, V4},
    {"UnsignedShort", 13, TERM_CLASS, DTDL_UNSIGNED_SHORT, V4},
    {"Uuid", 4, TERM_CLASS, DTDL_UUID, V4},
    {"ValueAnnotation", 15, TERM_TYPE, TYPE_VALUE_ANNOTATION, AN1 | AN2},
    {"Velocity", 8, TERM_SEMANTIC, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"VelocityUnit", 12, TERM_UNIT_TYPE, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"VelocityVector", 14, TERM_TYPE, TYPE_VELOCITY_VECTOR, CEN},
    {"Voltage", 7, TERM_SEMANTIC, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"VoltageUnit", 11, TERM_UNIT_TYPE, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"Volume", 6, TERM_SEMANTIC, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"VolumeFlowRate", 14, TERM_SEMANTIC, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, V2 | QTS},
    {"VolumeFlowRateUnit", 18, TERM_UNIT_TYPE, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, V2 | QTS},
    {"VolumeUnit", 10, TERM_UNIT_TYPE, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"WriteError", 10, TERM_TYPE, TYPE_WRITE_ERROR, MQ4},
    {"acre", 4, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"aliasFor", 8, TERM_PROPERTY, P_ALIAS_FOR, V34},
    {"ampere", 6, TERM_UNIT, UNIT_TYPE_CURRENT_UNIT, V2 | QTS},
    {"ampereHour", 10, TERM_UNIT, UNIT_TYPE_CHARGE_UNIT, QTS},
    {"annotates", 9, TERM_PROPERTY, P_ANNOTATES, AN1 | AN2},
    {"astronomicalUnit", 16, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"asynchronous", 12, TERM_COMMAND_TYPE, 0, ALL},
    {"atto", 4, TERM_PREFIX, 0, V2 | QTS},
    {"bar", 3, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"baseUnit", 8, TERM_PROPERTY, P_BASE_UNIT, V2 | QTS},
    {"becquerel", 9, TERM_UNIT, UNIT_TYPE_RADIOACTIVITY_UNIT, QTS},
    {"bel", 3, TERM_UNIT, UNIT_TYPE_SOUND_PRESSURE_UNIT, V2 | QTS},
    {"bit", 3, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"bitPerSecond", 12, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"boolean", 7, TERM_SCHEMA, DTDL_BOOLEAN, ALL},
    {"bottomUnit", 10, TERM_PROPERTY, P_BOTTOM_UNIT, V2 | QTS},
    {"britishThermalUnit", 18, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"britishThermalUnitPerHour", 25, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"byte", 4, TERM_SCHEMA, DTDL_BYTE, V4},
    {"byte", 4, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"bytePerSecond", 13, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"bytes", 5, TERM_SCHEMA, DTDL_BYTES, V4},
    {"candela", 7, TERM_UNIT, UNIT_TYPE_LUMINOUS_INTENSITY_UNIT, V2 | QTS},
    {"candelaPerSquareMetre", 21, TERM_UNIT, UNIT_TYPE_LUMINANCE_UNIT, V2 | QTS},
    {"centi", 5, TERM_PREFIX, 0, V2 | QTS},
    {"centimetre", 10, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"centimetrePerSecond", 19, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"centimetrePerSecondSquared", 26, TERM_UNIT, UNIT_TYPE_ACCELERATION_UNIT, V2 | QTS},
    {"centipoise", 10, TERM_UNIT, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"centistokes", 11, TERM_UNIT, UNIT_TYPE_KINEMATIC_VISCOSITY_UNIT, QT3},
    {"cmdServiceGroupId", 17, TERM_PROPERTY, P_CMD_SERVICE_GROUP_ID, MQ2 | MQ3 | MQ4},
    {"commandTopic", 12, TERM_PROPERTY, P_COMMAND_TOPIC, MQ1 | MQ2 | MQ3 | MQ4},
    {"commandType", 11, TERM_PROPERTY, P_COMMAND_TYPE, ALL},
    {"comment", 7, TERM_PROPERTY, P_COMMENT, ALL},
    {"contents", 8, TERM_PROPERTY, P_CONTENTS, ALL},
    {"coulomb", 7, TERM_UNIT, UNIT_TYPE_CHARGE_UNIT, V2 | QTS},
    {"cubicCentimetre", 15, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"cubicCentimetrePerMinute", 24, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QT3},
    {"cubicCentimetrePerSecond", 24, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QT3},
    {"cubicFoot", 9, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"cubicFootPerMinute", 18, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"cubicInch", 9, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"cubicMetre", 10, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"cubicMetrePerHour", 17, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"cubicMetrePerMinute", 19, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"cubicMetrePerSecond", 19, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"date", 4, TERM_SCHEMA, DTDL_DATE, ALL},
    {"dateTime", 8, TERM_SCHEMA, DTDL_DATE_TIME, ALL},
    {"day", 3, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"deca", 4, TERM_PREFIX, 0, QTS},
    {"decapascal", 10, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, QTS},
    {"decapascalCubicMetrePerSecond", 29, TERM_UNIT, UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT, QT3},
    {"deci", 4, TERM_PREFIX, 0, V2 | QTS},
    {"decibel", 7, TERM_UNIT, UNIT_TYPE_SOUND_PRESSURE_UNIT, V2 | QTS},
    {"decimal", 7, TERM_SCHEMA, DTDL_DECIMAL, V4},
    {"decimalPlaces", 13, TERM_PROPERTY, P_DECIMAL_PLACES, OPS},
    {"degreeCelsius", 13, TERM_UNIT, UNIT_TYPE_TEMPERATURE_UNIT, V2 | QTS},
    {"degreeFahrenheit", 16, TERM_UNIT, UNIT_TYPE_TEMPERATURE_UNIT, V2 | QTS},
    {"degreeOfArc", 11, TERM_UNIT, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"degreePerSecond", 15, TERM_UNIT, UNIT_TYPE_ANGULAR_VELOCITY_UNIT, V2 | QTS},
    {"deka", 4, TERM_PREFIX, 0, V2},
    {"description", 11, TERM_PROPERTY, P_DESCRIPTION, ALL},
    {"displayName", 11, TERM_PROPERTY, P_DISPLAY_NAME, ALL},
    {"double", 6, TERM_SCHEMA, DTDL_DOUBLE, ALL},
    {"duration", 8, TERM_SCHEMA, DTDL_DURATION, ALL},
    {"electronvolt", 12, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"elementSchema", 13, TERM_PROPERTY, P_ELEMENT_SCHEMA, ALL},
    {"enumValue", 9, TERM_PROPERTY, P_ENUM_VALUE, ALL},
    {"enumValues", 10, TERM_PROPERTY, P_ENUM_VALUES, ALL},
    {"exa", 3, TERM_PREFIX, 0, V2 | QTS},
    {"exbi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"exbibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"exbibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"exbibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"exbibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"exponent", 8, TERM_PROPERTY, P_EXPONENT, ALL},
    {"extends", 7, TERM_PROPERTY, P_EXTENDS, ALL},
    {"farad", 5, TERM_UNIT, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"femto", 5, TERM_PREFIX, 0, V2 | QTS},
    {"fields", 6, TERM_PROPERTY, P_FIELDS, ALL},
    {"float", 5, TERM_SCHEMA, DTDL_FLOAT, ALL},
    {"fluidOunce", 10, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"foot", 4, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"footcandle", 10, TERM_UNIT, UNIT_TYPE_ILLUMINANCE_UNIT, V2 | QTS},
    {"gForce", 6, TERM_UNIT, UNIT_TYPE_ACCELERATION_UNIT, V2 | QTS},
    {"gallon", 6, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"gallonPerHour", 13, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"gallonPerMinute", 15, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"gauss", 5, TERM_UNIT, UNIT_TYPE_MAGNETIC_INDUCTION_UNIT, QTS},
    {"geopoint", 8, TERM_STANDARD, STD_GEOPOINT, CEN},
    {"gibi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"gibibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"gibibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"gibibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"gibibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"giga", 4, TERM_PREFIX, 0, V2 | QTS},
    {"gigabecquerel", 13, TERM_UNIT, UNIT_TYPE_RADIOACTIVITY_UNIT, QTS},
    {"gigahertz", 9, TERM_UNIT, UNIT_TYPE_FREQUENCY_UNIT, V2 | QTS},
    {"gigajoule", 9, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"gigajoulePerHour", 16, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"gigavoltAmpere", 14, TERM_UNIT, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"gigavoltAmpereHour", 18, TERM_UNIT, UNIT_TYPE_APPARENT_ENERGY_UNIT, QTS},
    {"gigavoltAmpereReactive", 22, TERM_UNIT, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"gigavoltAmpereReactiveHour", 26, TERM_UNIT, UNIT_TYPE_REACTIVE_ENERGY_UNIT, QTS},
    {"gigawatt", 8, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"gigawattHour", 12, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"gram", 4, TERM_UNIT, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"gramPerCubicMetre", 17, TERM_UNIT, UNIT_TYPE_DENSITY_UNIT, V2 | QTS},
    {"gramPerHour", 11, TERM_UNIT, UNIT_TYPE_MASS_FLOW_RATE_UNIT, V2 | QTS},
    {"gramPerSecond", 13, TERM_UNIT, UNIT_TYPE_MASS_FLOW_RATE_UNIT, V2 | QTS},
    {"gray", 4, TERM_UNIT, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"group", 5, TERM_PROPERTY, P_GROUP, OPS},
    {"hectare", 7, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"hecto", 5, TERM_PREFIX, 0, V2 | QTS},
    {"hectopascal", 11, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, QTS},
    {"hectopascalCubicMetrePerSecond", 30, TERM_UNIT, UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT, QT3},
    {"henry", 5, TERM_UNIT, UNIT_TYPE_INDUCTANCE_UNIT, V2 | QTS},
    {"hertz", 5, TERM_UNIT, UNIT_TYPE_FREQUENCY_UNIT, V2 | QTS},
    {"horsepower", 10, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"hour", 4, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"inch", 4, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"inchesOfMercury", 15, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"inchesOfWater", 13, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"index", 5, TERM_PROPERTY, P_INDEX, MQ1 | MQ2 | MQ3 | MQ4},
    {"integer", 7, TERM_SCHEMA, DTDL_INTEGER, ALL},
    {"joule", 5, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"joulePerHour", 12, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"joulePerSecond", 14, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"kelvin", 6, TERM_UNIT, UNIT_TYPE_TEMPERATURE_UNIT, V2 | QTS},
    {"kibi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"kibibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"kibibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"kibibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"kibibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"kilo", 4, TERM_PREFIX, 0, V2 | QTS},
    {"kiloBritishThermalUnit", 22, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"kiloBritishThermalUnitPerHour", 29, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"kiloampere", 10, TERM_UNIT, UNIT_TYPE_CURRENT_UNIT, QTS},
    {"kilobecquerel", 13, TERM_UNIT, UNIT_TYPE_RADIOACTIVITY_UNIT, QTS},
    {"kilogram", 8, TERM_UNIT, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"kilogramPerCubicMetre", 21, TERM_UNIT, UNIT_TYPE_DENSITY_UNIT, V2 | QTS},
    {"kilogramPerHour", 15, TERM_UNIT, UNIT_TYPE_MASS_FLOW_RATE_UNIT, V2 | QTS},
    {"kilogramPerSecond", 17, TERM_UNIT, UNIT_TYPE_MASS_FLOW_RATE_UNIT, V2 | QTS},
    {"kilohertz", 9, TERM_UNIT, UNIT_TYPE_FREQUENCY_UNIT, V2 | QTS},
    {"kilojoule", 9, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"kilojoulePerHour", 16, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"kilojoulePerSecond", 18, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"kilometre", 9, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"kilometrePerHour", 16, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"kilometrePerSecond", 18, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"kilometrePerSecondSquared", 25, TERM_UNIT, UNIT_TYPE_ACCELERATION_UNIT, QT3},
    {"kiloohm", 7, TERM_UNIT, UNIT_TYPE_RESISTANCE_UNIT, V2 | QTS},
    {"kilopascal", 10, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"kilopascalCubicMetrePerSecond", 29, TERM_UNIT, UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT, QT3},
    {"kilovolt", 8, TERM_UNIT, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"kilovoltAmpere", 14, TERM_UNIT, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"kilovoltAmpereHour", 18, TERM_UNIT, UNIT_TYPE_APPARENT_ENERGY_UNIT, QTS},
    {"kilovoltAmpereReactive", 22, TERM_UNIT, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"kilovoltAmpereReactiveHour", 26, TERM_UNIT, UNIT_TYPE_REACTIVE_ENERGY_UNIT, QTS},
    {"kilowatt", 8, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"kilowattHour", 12, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"kilowattHourPerYear", 19, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"knot", 4, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"languageMajorVersion", 20, TERM_PROPERTY, P_LANGUAGE_MAJOR_VERSION, ALL},
    {"lineString", 10, TERM_STANDARD, STD_LINE_STRING, ALL},
    {"litre", 5, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"litrePerHour", 12, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, V2 | QTS},
    {"litrePerMinute", 14, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"litrePerSecond", 14, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, V2 | QTS},
    {"long", 4, TERM_SCHEMA, DTDL_LONG, ALL},
    {"lumen", 5, TERM_UNIT, UNIT_TYPE_LUMINOUS_FLUX_UNIT, V2 | QTS},
    {"lux", 3, TERM_UNIT, UNIT_TYPE_ILLUMINANCE_UNIT, V2 | QTS},
    {"mapKey", 6, TERM_PROPERTY, P_MAP_KEY, ALL},
    {"mapValue", 8, TERM_PROPERTY, P_MAP_VALUE, ALL},
    {"massPound", 9, TERM_UNIT, UNIT_TYPE_MASS_UNIT, QTS},
    {"massPoundPerHour", 16, TERM_UNIT, UNIT_TYPE_MASS_FLOW_RATE_UNIT, QTS},
    {"maxMultiplicity", 15, TERM_PROPERTY, P_MAX_MULTIPLICITY, ALL},
    {"maximum", 7, TERM_PROPERTY, P_MAXIMUM, OPS},
    {"maxwell", 7, TERM_UNIT, UNIT_TYPE_MAGNETIC_FLUX_UNIT, V2 | QTS},
    {"mebi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"mebibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"mebibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"mebibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"mebibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"mega", 4, TERM_PREFIX, 0, V2 | QTS},
    {"megabecquerel", 13, TERM_UNIT, UNIT_TYPE_RADIOACTIVITY_UNIT, QTS},
    {"megaelectronvolt", 16, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"megahertz", 9, TERM_UNIT, UNIT_TYPE_FREQUENCY_UNIT, V2 | QTS},
    {"megajoule", 9, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, V2 | QTS},
    {"megajoulePerHour", 16, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"megaohm", 7, TERM_UNIT, UNIT_TYPE_RESISTANCE_UNIT, V2 | QTS},
    {"megavolt", 8, TERM_UNIT, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"megavoltAmpere", 14, TERM_UNIT, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"megavoltAmpereHour", 18, TERM_UNIT, UNIT_TYPE_APPARENT_ENERGY_UNIT, QTS},
    {"megavoltAmpereReactive", 22, TERM_UNIT, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"megavoltAmpereReactiveHour", 26, TERM_UNIT, UNIT_TYPE_REACTIVE_ENERGY_UNIT, QTS},
    {"megawatt", 8, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"megawattHour", 12, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"metamodel", 9, TERM_OTHER, 0, V34},
    {"metre", 5, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"metrePerHour", 12, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"metrePerSecond", 14, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"metrePerSecondSquared", 21, TERM_UNIT, UNIT_TYPE_ACCELERATION_UNIT, V2 | QTS},
    {"micro", 5, TERM_PREFIX, 0, V2 | QTS},
    {"microampere", 11, TERM_UNIT, UNIT_TYPE_CURRENT_UNIT, V2 | QTS},
    {"microfarad", 10, TERM_UNIT, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"microgram", 9, TERM_UNIT, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"microgramPerCubicMetre", 22, TERM_UNIT, UNIT_TYPE_DENSITY_UNIT, QTS},
    {"microgray", 9, TERM_UNIT, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"microhenry", 10, TERM_UNIT, UNIT_TYPE_INDUCTANCE_UNIT, V2 | QTS},
    {"micrometre", 10, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"microsecond", 11, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"microsievert", 12, TERM_UNIT, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"microvolt", 9, TERM_UNIT, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"microwatt", 9, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"mile", 4, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"milePerHour", 11, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"milePerSecond", 13, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, V2 | QTS},
    {"milli", 5, TERM_PREFIX, 0, V2 | QTS},
    {"milliampere", 11, TERM_UNIT, UNIT_TYPE_CURRENT_UNIT, V2 | QTS},
    {"milliampereHour", 15, TERM_UNIT, UNIT_TYPE_CHARGE_UNIT, QTS},
    {"millibar", 8, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"millifarad", 10, TERM_UNIT, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"milligram", 9, TERM_UNIT, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"milligramPerCubicMetre", 22, TERM_UNIT, UNIT_TYPE_DENSITY_UNIT, QTS},
    {"milligray", 9, TERM_UNIT, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"millihenry", 10, TERM_UNIT, UNIT_TYPE_INDUCTANCE_UNIT, V2 | QTS},
    {"millihertz", 10, TERM_UNIT, UNIT_TYPE_FREQUENCY_UNIT, QTS},
    {"millilitre", 10, TERM_UNIT, UNIT_TYPE_VOLUME_UNIT, V2 | QTS},
    {"millilitrePerHour", 17, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, V2 | QTS},
    {"millilitrePerMinute", 19, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, QTS},
    {"millilitrePerSecond", 19, TERM_UNIT, UNIT_TYPE_VOLUME_FLOW_RATE_UNIT, V2 | QTS},
    {"millimetre", 10, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"millimetrePerSecond", 19, TERM_UNIT, UNIT_TYPE_VELOCITY_UNIT, QT3},
    {"millimetrePerSecondSquared", 26, TERM_UNIT, UNIT_TYPE_ACCELERATION_UNIT, QT3},
    {"millimetresOfMercury", 20, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"milliohm", 8, TERM_UNIT, UNIT_TYPE_RESISTANCE_UNIT, V2 | QTS},
    {"millipascalSecond", 17, TERM_UNIT, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"millipoise", 10, TERM_UNIT, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"millisecond", 11, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"millisievert", 12, TERM_UNIT, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"millivolt", 9, TERM_UNIT, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"millivoltAmpere", 15, TERM_UNIT, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"millivoltAmpereHour", 19, TERM_UNIT, UNIT_TYPE_APPARENT_ENERGY_UNIT, QT3},
    {"millivoltAmpereReactive", 23, TERM_UNIT, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"milliwatt", 9, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"milliwattHour", 13, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"minMultiplicity", 15, TERM_PROPERTY, P_MIN_MULTIPLICITY, ALL},
    {"minimum", 7, TERM_PROPERTY, P_MINIMUM, OPS},
    {"minute", 6, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"minuteOfArc", 11, TERM_UNIT, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"model", 5, TERM_OTHER, 0, V34},
    {"multiLineString", 15, TERM_STANDARD, STD_MULTI_LINE_STRING, ALL},
    {"multiPoint", 10, TERM_STANDARD, STD_MULTI_POINT, ALL},
    {"multiPolygon", 12, TERM_STANDARD, STD_MULTI_POLYGON, ALL},
    {"name", 4, TERM_PROPERTY, P_NAME, ALL},
    {"namespace", 9, TERM_PROPERTY, P_NAMESPACE, OPS},
    {"nano", 4, TERM_PREFIX, 0, V2 | QTS},
    {"nanoampere", 10, TERM_UNIT, UNIT_TYPE_CURRENT_UNIT, QT3},
    {"nanofarad", 9, TERM_UNIT, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"nanometre", 9, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"nanosecond", 10, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"nauticalMile", 12, TERM_UNIT, UNIT_TYPE_LENGTH_UNIT, V2 | QTS},
    {"newton", 6, TERM_UNIT, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"newtonMetre", 11, TERM_UNIT, UNIT_TYPE_TORQUE_UNIT, V2 | QTS},
    {"nullable", 8, TERM_PROPERTY, P_NULLABLE, V4},
    {"ohm", 3, TERM_UNIT, UNIT_TYPE_RESISTANCE_UNIT, V2 | QTS},
    {"ontology", 8, TERM_PROPERTY, P_ONTOLOGY, OPS},
    {"ounce", 5, TERM_UNIT, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"overrides", 9, TERM_PROPERTY, P_OVERRIDES, OV1 | OV2},
    {"partsPerBillion", 15, TERM_UNIT, UNIT_TYPE_UNITLESS, QTS},
    {"partsPerMillion", 15, TERM_UNIT, UNIT_TYPE_UNITLESS, QTS},
    {"partsPerQuadrillion", 19, TERM_UNIT, UNIT_TYPE_UNITLESS, QTS},
    {"partsPerTrillion", 16, TERM_UNIT, UNIT_TYPE_UNITLESS, QTS},
    {"pascal", 6, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"pascalCubicMetrePerSecond", 25, TERM_UNIT, UNIT_TYPE_GAS_LEAKAGE_RATE_UNIT, QT3},
    {"pascalSecond", 12, TERM_UNIT, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"payloadFormat", 13, TERM_PROPERTY, P_PAYLOAD_FORMAT, MQ1 | MQ2 | MQ3 | MQ4},
    {"pebi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"percent", 7, TERM_UNIT, UNIT_TYPE_UNITLESS, V2 | QTS},
    {"peta", 4, TERM_PREFIX, 0, V2 | QTS},
    {"pico", 4, TERM_PREFIX, 0, V2 | QTS},
    {"picoampere", 10, TERM_UNIT, UNIT_TYPE_CURRENT_UNIT, QT3},
    {"picofarad", 9, TERM_UNIT, UNIT_TYPE_CAPACITANCE_UNIT, V2 | QTS},
    {"point", 5, TERM_STANDARD, STD_POINT, ALL},
    {"poise", 5, TERM_UNIT, UNIT_TYPE_DYNAMIC_VISCOSITY_UNIT, QT3},
    {"polygon", 7, TERM_STANDARD, STD_POLYGON, ALL},
    {"pound", 5, TERM_UNIT, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"poundPerSquareInch", 18, TERM_UNIT, UNIT_TYPE_PRESSURE_UNIT, V2 | QTS},
    {"prefix", 6, TERM_PROPERTY, P_PREFIX, V2 | QTS},
    {"properties", 10, TERM_PROPERTY, P_PROPERTIES, ALL},
    {"propertyTopic", 13, TERM_PROPERTY, P_PROPERTY_TOPIC, MQ4},
    {"radian", 6, TERM_UNIT, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"radianPerSecond", 15, TERM_UNIT, UNIT_TYPE_ANGULAR_VELOCITY_UNIT, V2 | QTS},
    {"radianPerSecondSquared", 22, TERM_UNIT, UNIT_TYPE_ANGULAR_ACCELERATION_UNIT, V2 | QTS},
    {"reciprocalCentimetre", 20, TERM_UNIT, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"reciprocalKilometre", 19, TERM_UNIT, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"reciprocalMetre", 15, TERM_UNIT, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"reciprocalMicrometre", 20, TERM_UNIT, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"reciprocalMillimetre", 20, TERM_UNIT, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"reciprocalMinute", 16, TERM_UNIT, UNIT_TYPE_RECIPROCAL_TIME_UNIT, QT3},
    {"reciprocalNanometre", 19, TERM_UNIT, UNIT_TYPE_RECIPROCAL_LENGTH_UNIT, QT3},
    {"reciprocalSecond", 16, TERM_UNIT, UNIT_TYPE_RECIPROCAL_TIME_UNIT, QT3},
    {"request", 7, TERM_PROPERTY, P_REQUEST, ALL},
    {"response", 8, TERM_PROPERTY, P_RESPONSE, ALL},
    {"revolutionPerMinute", 19, TERM_UNIT, UNIT_TYPE_ANGULAR_VELOCITY_UNIT, V2 | QTS},
    {"revolutionPerSecond", 19, TERM_UNIT, UNIT_TYPE_ANGULAR_VELOCITY_UNIT, V2 | QTS},
    {"scaleFactor", 11, TERM_PROPERTY, P_SCALE_FACTOR, OPS},
    {"scaledDecimal", 13, TERM_STANDARD, STD_SCALED_DECIMAL, V4},
    {"schema", 6, TERM_PROPERTY, P_SCHEMA, ALL},
    {"schemas", 7, TERM_PROPERTY, P_SCHEMAS, ALL},
    {"second", 6, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"secondOfArc", 11, TERM_UNIT, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"short", 5, TERM_SCHEMA, DTDL_SHORT, V4},
    {"sievert", 7, TERM_UNIT, UNIT_TYPE_IONIZING_RADIATION_DOSE_UNIT, QTS},
    {"slug", 4, TERM_UNIT, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"squareCentimetre", 16, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"squareFoot", 10, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"squareInch", 10, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"squareKilometre", 15, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"squareMetre", 11, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"squareMetrePerSecond", 20, TERM_UNIT, UNIT_TYPE_KINEMATIC_VISCOSITY_UNIT, QT3},
    {"squareMillimetre", 16, TERM_UNIT, UNIT_TYPE_AREA_UNIT, V2 | QTS},
    {"stokes", 6, TERM_UNIT, UNIT_TYPE_KINEMATIC_VISCOSITY_UNIT, QT3},
    {"string", 6, TERM_SCHEMA, DTDL_STRING, ALL},
    {"symbol", 6, TERM_PROPERTY, P_SYMBOL, ALL},
    {"synchronous", 11, TERM_COMMAND_TYPE, 0, ALL},
    {"target", 6, TERM_PROPERTY, P_TARGET, ALL},
    {"tebi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"tebibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"tebibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"tebibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"tebibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"telemServiceGroupId", 19, TERM_PROPERTY, P_TELEM_SERVICE_GROUP_ID, MQ2 | MQ3 | MQ4},
    {"telemetryTopic", 14, TERM_PROPERTY, P_TELEMETRY_TOPIC, MQ1 | MQ2 | MQ3 | MQ4},
    {"tera", 4, TERM_PREFIX, 0, V2 | QTS},
    {"terawattHour", 12, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"tesla", 5, TERM_UNIT, UNIT_TYPE_MAGNETIC_INDUCTION_UNIT, V2 | QTS},
    {"time", 4, TERM_SCHEMA, DTDL_TIME, ALL},
    {"ton", 3, TERM_UNIT, UNIT_TYPE_FORCE_UNIT, V2 | QTS},
    {"tonOfRefrigeration", 18, TERM_UNIT, UNIT_TYPE_POWER_UNIT, QTS},
    {"tonne", 5, TERM_UNIT, UNIT_TYPE_MASS_UNIT, V2 | QTS},
    {"topUnit", 7, TERM_PROPERTY, P_TOP_UNIT, V2 | QTS},
    {"ttl", 3, TERM_PROPERTY, P_TTL, MQ1 | MQ2 | MQ3 | MQ4},
    {"turn", 4, TERM_UNIT, UNIT_TYPE_ANGLE_UNIT, V2 | QTS},
    {"typeRef", 7, TERM_PROPERTY, P_TYPE_REF, OPS},
    {"unit", 4, TERM_PROPERTY, P_UNIT, V2 | QTS},
    {"unity", 5, TERM_UNIT, UNIT_TYPE_UNITLESS, V2 | QTS},
    {"unsignedByte", 12, TERM_SCHEMA, DTDL_UNSIGNED_BYTE, V4},
    {"unsignedInteger", 15, TERM_SCHEMA, DTDL_UNSIGNED_INTEGER, V4},
    {"unsignedLong", 12, TERM_SCHEMA, DTDL_UNSIGNED_LONG, V4},
    {"unsignedShort", 13, TERM_SCHEMA, DTDL_UNSIGNED_SHORT, V4},
    {"uuid", 4, TERM_SCHEMA, DTDL_UUID, V4},
    {"valueSchema", 11, TERM_PROPERTY, P_VALUE_SCHEMA, ALL},
    {"vector", 6, TERM_STANDARD, STD_VECTOR, CEN},
    {"volt", 4, TERM_UNIT, UNIT_TYPE_VOLTAGE_UNIT, V2 | QTS},
    {"voltAmpere", 10, TERM_UNIT, UNIT_TYPE_APPARENT_POWER_UNIT, QTS},
    {"voltAmpereHour", 14, TERM_UNIT, UNIT_TYPE_APPARENT_ENERGY_UNIT, QTS},
    {"voltAmpereReactive", 18, TERM_UNIT, UNIT_TYPE_REACTIVE_POWER_UNIT, QTS},
    {"voltAmpereReactiveHour", 22, TERM_UNIT, UNIT_TYPE_REACTIVE_ENERGY_UNIT, QTS},
    {"watt", 4, TERM_UNIT, UNIT_TYPE_POWER_UNIT, V2 | QTS},
    {"wattHour", 8, TERM_UNIT, UNIT_TYPE_ENERGY_UNIT, QTS},
    {"wattPerSquareMetre", 18, TERM_UNIT, UNIT_TYPE_IRRADIANCE_UNIT, QTS},
    {"weber", 5, TERM_UNIT, UNIT_TYPE_MAGNETIC_FLUX_UNIT, V2 | QTS},
    {"writable", 8, TERM_PROPERTY, P_WRITABLE, ALL},
    {"year", 4, TERM_UNIT, UNIT_TYPE_TIME_UNIT, V2 | QTS},
    {"yobi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"yobibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"yobibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"yobibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"yobibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"yocto", 5, TERM_PREFIX, 0, V2 | QTS},
    {"yotta", 5, TERM_PREFIX, 0, V2 | QTS},
    {"zebi", 4, TERM_PREFIX, 0, V2 | QTS},
    {"zebibit", 7, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"zebibitPerSecond", 16, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"zebibyte", 8, TERM_UNIT, UNIT_TYPE_DATA_SIZE_UNIT, V2 | QTS},
    {"zebibytePerSecond", 17, TERM_UNIT, UNIT_TYPE_DATA_RATE_UNIT, V2 | QTS},
    {"zepto", 5, TERM_PREFIX, 0, V2 | QTS},
    {"zetta", 5, TERM_PREFIX, 0, V2 | QTS},
};
#define TERMS (sizeof terms / sizeof terms[0])

/* Terms that IoT Central exports without defining them in any context (docs/templates.md). */
static const struct term central_terms[] = {
    {"BooleanValue", 12, TERM_TYPE, TYPE_BOOLEAN_VALUE, CEN},
    {"Cloud", 5, TERM_TYPE, TYPE_CLOUD, CEN},
    {"DateTimeValue", 13, TERM_TYPE, TYPE_DATE_TIME_VALUE, CEN},
    {"Initialized", 11, TERM_TYPE, TYPE_INITIALIZED, CEN},
    {"NumberValue", 11, TERM_TYPE, TYPE_NUMBER_VALUE, CEN},
    {"StringValue", 11, TERM_TYPE, TYPE_STRING_VALUE, CEN},
    {"Visualized", 10, TERM_TYPE, TYPE_VISUALIZED, CEN},
    {"color", 5, TERM_PROPERTY, P_COLOR, CEN},
    {"decimalPlaces", 13, TERM_PROPERTY, P_DECIMAL_PLACES, CEN},
    {"displayUnit", 11, TERM_PROPERTY, P_DISPLAY_UNIT, CEN},
    {"durable", 7, TERM_PROPERTY, P_DURABLE, CEN},
    {"falseName", 9, TERM_PROPERTY, P_FALSE_NAME, CEN},
    {"initialValue", 12, TERM_PROPERTY, P_INITIAL_VALUE, CEN},
    {"maxLength", 9, TERM_PROPERTY, P_MAX_LENGTH, CEN},
    {"maxValue", 8, TERM_PROPERTY, P_MAX_VALUE, CEN},
    {"minLength", 9, TERM_PROPERTY, P_MIN_LENGTH, CEN},
    {"minValue", 8, TERM_PROPERTY, P_MIN_VALUE, CEN},
    {"trueName", 8, TERM_PROPERTY, P_TRUE_NAME, CEN},
};
#define CENTRAL_TERMS (sizeof central_terms / sizeof central_terms[0])

/* Each context: its specifier, and the prefix of the ids that it defines, where they share one. */
static const struct {
    const char *specifier, *prefix;
} contexts[DTDL_CONTEXTS] = {
    {"dtmi:dtdl:context;2", NULL},
    {"dtmi:dtdl:context;3", NULL},
    {"dtmi:dtdl:context;4", NULL},
    {"dtmi:dtdl:extension:annotation;1", "dtmi:dtdl:extension:annotation:v1:"},
    {"dtmi:dtdl:extension:annotation;2", "dtmi:dtdl:extension:annotation:v2:"},
    {"dtmi:dtdl:extension:historization;1", "dtmi:dtdl:extension:historization:v1:"},
    {"dtmi:dtdl:extension:historization;2", "dtmi:dtdl:extension:historization:v2:"},
    {"dtmi:dtdl:extension:mqtt;1", "dtmi:dtdl:extension:mqtt:v1:"},
    {"dtmi:dtdl:extension:mqtt;2", "dtmi:dtdl:extension:mqtt:v2:"},
    {"dtmi:dtdl:extension:mqtt;3", "dtmi:dtdl:extension:mqtt:v3:"},
    {"dtmi:dtdl:extension:mqtt;4", "dtmi:dtdl:extension:mqtt:v4:"},
    {"dtmi:dtdl:extension:overriding;1", "dtmi:dtdl:extension:overriding:v1:"},
    {"dtmi:dtdl:extension:overriding;2", "dtmi:dtdl:extension:overriding:v2:"},
    {"dtmi:dtdl:extension:quantitativeTypes;1", "dtmi:dtdl:extension:quantitativeTypes:v1:"},
    {"dtmi:dtdl:extension:quantitativeTypes;2", "dtmi:dtdl:extension:quantitativeTypes:v2:"},
    {"dtmi:dtdl:extension:quantitativeTypes;3", "dtmi:dtdl:extension:quantitativeTypes:v3:"},
    {"dtmi:dtdl:extension:requirement;1", "dtmi:dtdl:extension:requirement:v1:"},
    {"dtmi:dtdl:extension:requirement;2", "dtmi:dtdl:extension:requirement:v2:"},
    {"dtmi:dtdl:limits:aio;1", NULL},
    {"dtmi:dtdl:limits:onvif;1", NULL},
    {"dtmi:iotcentral:context;2", NULL},
    {"dtmi:iotoperations:context;4", NULL},
};

/* name is not empty. The first letter settles most comparisons. */
static int compare(spoke_str name, const struct term *term)
{
    if (name.ptr[0] != term->name[0])
        return name.ptr[0] - term->name[0];
    const size_t shorter = name.len < term->length ? name.len : term->length;
    const int order = memcmp(name.ptr, term->name, shorter);
    return order != 0 ? order : (name.len > term->length) - (name.len < term->length);
}

/* The first entry of that name; a name may have two. */
static const struct term *lower_bound(const struct term *from, size_t count, spoke_str name)
{
    while (count > 0) {
        const size_t half = count / 2;
        if (compare(name, &from[half]) > 0) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return from;
}

static const struct term *find_in(const struct term *table, size_t count, spoke_str name, unsigned kinds,
                                  uint32_t contexts_mask)
{
    if (name.len == 0)
        return NULL;
    const struct term *end = table + count;
    for (const struct term *t = lower_bound(table, count, name); t < end && compare(name, t) == 0; t++) {
        if ((t->kind & kinds) != 0 && (t->contexts & contexts_mask) != 0)
            return t;
    }
    return NULL;
}

const struct term *term_find(spoke_str name, unsigned kinds, uint32_t contexts_mask)
{
    return find_in(terms, TERMS, name, kinds, contexts_mask);
}

const struct term *term_find_central(spoke_str name, unsigned kinds)
{
    return find_in(central_terms, CENTRAL_TERMS, name, kinds, CEN);
}

uint32_t term_context(spoke_str specifier)
{
    for (size_t i = 0; i < DTDL_CONTEXTS; i++) {
        if (spoke_str_equal(specifier, spoke_str_of(contexts[i].specifier)))
            return (uint32_t)1 << i;
    }
    return 0;
}

bool term_context_family_known(spoke_str family)
{
    for (size_t i = 0; i < DTDL_CONTEXTS; i++) {
        const spoke_str known = spoke_str_of(contexts[i].specifier);
        if (spoke_str_starts(known, family) && known.len == family.len + 2) /* ";" and one digit */
            return true;
    }
    return false;
}

/* Which context an id of the language belongs to, by its prefix and version. */
static uint32_t defining_context(spoke_str dtmi, spoke_str version)
{
    for (size_t i = 0; i < DTDL_CONTEXTS; i++) {
        if (contexts[i].prefix != NULL && spoke_str_starts(dtmi, spoke_str_of(contexts[i].prefix)))
            return (uint32_t)1 << i;
    }
    if (spoke_str_starts(dtmi, SPOKE_STR("dtmi:iotcentral:")))
        return CEN;
    if (spoke_str_starts(dtmi, SPOKE_STR("dtmi:iotoperations:")))
        return OPS;
    if (!spoke_str_starts(dtmi, SPOKE_STR("dtmi:dtdl:")) && !spoke_str_starts(dtmi, SPOKE_STR("dtmi:standard:")))
        return 0;
    if (version.len != 1 || version.ptr[0] < '2' || version.ptr[0] > '4')
        return 0;
    return (uint32_t)1 << (version.ptr[0] - '2');
}

/* The label before the last, which tells classes, properties, instances and units apart. */
static spoke_str category(spoke_str path, spoke_str *name)
{
    size_t last = path.len, before;
    while (last > 0 && path.ptr[last - 1] != ':')
        last--;
    *name = spoke_str_from(path.ptr + last, path.len - last);
    before = last > 0 ? last - 1 : 0;
    const size_t end = before;
    while (before > 0 && path.ptr[before - 1] != ':')
        before--;
    return spoke_str_from(path.ptr + before, end - before);
}

static unsigned kinds_of_category(spoke_str label)
{
    static const struct {
        const char *label;
        unsigned kinds;
    } known[] = {
        {"class", TERM_CLASS | TERM_TYPE | TERM_SEMANTIC | TERM_ABSTRACT_TYPE | TERM_UNIT_TYPE | TERM_OTHER},
        {"property", TERM_PROPERTY},
        {"Schema", TERM_SCHEMA},
        {"CommandType", TERM_COMMAND_TYPE},
        {"unit", TERM_UNIT | TERM_PREFIX},
        {"unitprefix", TERM_PREFIX},
        {"enum", TERM_UNIT_TYPE | TERM_OTHER},
        {"geospatial", TERM_STANDARD},
        {"schema", TERM_STANDARD},
        {"meta", TERM_OTHER},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (spoke_str_equal(label, spoke_str_of(known[i].label)))
            return known[i].kinds;
    }
    return TERM_TYPE | TERM_PROPERTY; /* extensions: "…:mqtt:v3:Idempotent", "…:mqtt:v3:Cacheable:ttl" */
}

const struct term *term_by_dtmi(spoke_str dtmi, unsigned kinds, uint32_t *context)
{
    spoke_str path, version, name;
    spoke_str_cut(dtmi, ';', &path, &version);
    if (path.len == dtmi.len)
        version = SPOKE_STR("");
    const uint32_t mask = defining_context(dtmi, version);
    if (mask == 0)
        return NULL;
    const spoke_str label = category(path, &name);
    *context = mask;
    return term_find(name, kinds & kinds_of_category(label), mask);
}

const struct term *term_unit_at(enum dtdl_unit_type type, uint32_t contexts_mask, size_t i)
{
    for (size_t t = 0; t < TERMS; t++) {
        if (terms[t].kind == TERM_UNIT && terms[t].index == type && (terms[t].contexts & contexts_mask) != 0 &&
            i-- == 0)
            return &terms[t];
    }
    return NULL;
}

static const char *name_of(const struct term *table, size_t count, unsigned kind, unsigned index)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].kind == kind && table[i].index == index)
            return table[i].name;
    }
    return NULL;
}

const char *term_unit_type_name(enum dtdl_unit_type type)
{
    return name_of(terms, TERMS, TERM_UNIT_TYPE, type);
}

const char *term_property_name(enum dtdl_property property)
{
    const char *name = name_of(terms, TERMS, TERM_PROPERTY, property);
    return name != NULL ? name : name_of(central_terms, CENTRAL_TERMS, TERM_PROPERTY, property);
}

const char *term_type_name(enum dtdl_type type)
{
    const char *name = name_of(terms, TERMS, TERM_TYPE, type);
    return name != NULL ? name : name_of(central_terms, CENTRAL_TERMS, TERM_TYPE, type);
}

/* Earlier versions of the language, and what extensions define for other versions alone, are of no help. */
static uint32_t useless_beside(uint32_t active)
{
    switch (active & ALL) {
    case V2:
        return AN1 | AN2 | HI1 | HI2 | MQ1 | MQ2 | MQ3 | MQ4 | OV1 | OV2 | QTS | RQ1 | RQ2 | OPS;
    case V3:
        return V2 | QT2 | QT3 | MQ4 | OPS;
    case V4:
        return V2 | V3 | AN1 | HI1 | OV1 | QT1 | MQ1;
    default:
        return 0;
    }
}

const char *term_defined_elsewhere(spoke_str name, unsigned kinds, uint32_t active)
{
    const struct term *term = term_find(name, kinds, UINT32_MAX);
    uint32_t useless = useless_beside(active);
    if (term != NULL && term->kind == TERM_TYPE && (active & ALL) != V2)
        useless |= CEN; /* its schemas can be had in every version, its types in 2 alone */
    for (size_t i = 0; term != NULL && i < DTDL_CONTEXTS; i++) {
        if (((term->contexts & ~useless) >> i & 1) != 0)
            return contexts[i].specifier;
    }
    return NULL;
}

/* Edit distance of Levenshtein over one row, for names that a person typed. More than `limit` is as good as
 * infinite. */
#define NEAR_MAX 32u
static unsigned distance(spoke_str a, const struct term *b, unsigned limit)
{
    unsigned row[NEAR_MAX + 1];
    if (a.len > NEAR_MAX || b->length > NEAR_MAX || a.len > b->length + limit || b->length > a.len + limit)
        return limit + 1;
    for (unsigned j = 0; j <= b->length; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b->length; j++) {
            const unsigned above = row[j];
            const char x = a.ptr[i - 1], y = b->name[j - 1];
            const bool same = x == y || (x ^ y) == 0x20; /* another case is no distance, but not equal */
            unsigned best = diagonal + (same ? 0 : 1);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[b->length];
}

const struct term *term_nearest(spoke_str name, unsigned kinds, uint32_t contexts_mask)
{
    const struct term *best = NULL;
    unsigned best_distance = name.len < 4 ? 1 : 2;
    for (size_t i = 0; i < TERMS; i++) {
        if ((terms[i].kind & kinds) == 0 || (terms[i].contexts & contexts_mask) == 0)
            continue;
        const unsigned d = distance(name, &terms[i], best_distance);
        if (d < best_distance || (d == best_distance && best == NULL)) {
            best = &terms[i];
            best_distance = d;
        }
    }
    return best;
}
