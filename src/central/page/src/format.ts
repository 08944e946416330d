// Numbers, times and values as people read them.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

const UNITS: Record<string, string> = {
    percent: '%', degreeCelsius: '°C', degreeFahrenheit: '°F', kelvin: 'K', second: 's', millisecond: 'ms', minute: 'min',
    hour: 'h', day: 'd', metre: 'm', centimetre: 'cm', millimetre: 'mm', kilometre: 'km', volt: 'V', millivolt: 'mV',
    ampere: 'A', milliampere: 'mA', watt: 'W', kilowatt: 'kW', kilowattHour: 'kWh', pascal: 'Pa', kilopascal: 'kPa',
    bar: 'bar', hertz: 'Hz', kilohertz: 'kHz', megahertz: 'MHz', lux: 'lx', newton: 'N', joule: 'J', gram: 'g',
    kilogram: 'kg', litre: 'l', metrePerSecond: 'm/s', kilometrePerHour: 'km/h', revolutionPerMinute: 'rpm',
    bytePerSecond: 'B/s', byte: 'B', bitPerSecond: 'bit/s', degree: '°', decibel: 'dB', unity: '',
};

/** A unit as a model gives it (a name, or with a scope in front) as a symbol where we know one. */
export function unitSymbol(unit: string | undefined): string {
    if (unit === undefined) return '';
    const name = unit.replace(/^.*[:/]/, '').replace(/;.*$/, '');
    return UNITS[name] ?? name;
}

const NBSP = '\u00a0'; // a number stays beside its unit
const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P'];

function scaled(value: number, unit: string): string {
    let step = 0;
    let rest = value;
    while (Math.abs(rest) >= 1000 && step < PREFIXES.length - 1) {
        rest /= 1000;
        step++;
    }
    return `${rest.toLocaleString(undefined, { maximumSignificantDigits: 3 })}${NBSP}${PREFIXES[step]}${unit}`;
}

function duration(seconds: number): string {
    if (Math.abs(seconds) < 120) return `${number.format(seconds)}${NBSP}s`;
    const parts: [number, string][] = [[86400, 'd'], [3600, 'h'], [60, 'min']];
    const at = parts.findIndex(([size]) => Math.abs(seconds) >= size);
    const [size, name] = parts[at] ?? [60, 'min'];
    const next = parts[at + 1];
    const whole = Math.trunc(seconds / size);
    const rest = next === undefined ? 0 : Math.trunc((Math.abs(seconds) % size) / next[0]);
    const first = `${whole}${NBSP}${name}`;
    return rest > 0 && next !== undefined ? `${first}${NBSP}${rest}${NBSP}${next[1]}` : first;
}

export function quantity(value: number, unit: string): string {
    if (unit === 'B' || unit === 'B/s' || unit === 'bit/s') return scaled(value, unit);
    if (unit === 's') return duration(value);
    const text = Math.abs(value) >= 1e7 ? compact.format(value) : number.format(value);
    return unit === '' ? text : `${text}${NBSP}${unit}`;
}

/** Values along an axis, with as many digits as tell them apart. */
export function ticks(values: number[], unit: string): string[] {
    const step = Math.abs((values[1] ?? 1) - (values[0] ?? 0));
    const largest = Math.max(...values.map(Math.abs));
    if (unit === 's' && largest >= 7200 && step < 360) return values.map((value) => clockOf(value, step));
    if (unit === 's' && largest >= 120) {
        const [size, name] = largest >= 172800 ? [86400, 'd'] : largest >= 7200 ? [3600, 'h'] : [60, 'min'];
        return decimals(values, step, size as number).map((text) => `${text} ${name}`);
    }
    const power = unit.startsWith('B') || unit === 'bit/s' || largest >= 1e5 ? Math.min(5, Math.floor(Math.log10(largest || 1) / 3)) : 0;
    const name = power <= 0 ? unit : `${PREFIXES[power]}${unit}`;
    return decimals(values, step, 1000 ** Math.max(0, power)).map((text) => `${text}${name === '' ? '' : ` ${name}`}`);
}

/** 53,730 s as 14:55 h, with seconds where steps are shorter than minutes. */
function clockOf(seconds: number, step: number): string {
    const whole = Math.round(Math.abs(seconds));
    const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
    const tail = step < 60 ? `:${two(whole % 60)}` : '';
    return `${seconds < 0 ? '−' : ''}${Math.floor(whole / 3600)}:${two((whole / 60) % 60)}${tail} h`;
}

function decimals(values: number[], step: number, size: number): string[] {
    const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9)));
    return values.map((value) => (value / size).toLocaleString(undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/; // of RFC 3339

/** Any JSON value in one line. */
export function show(value: unknown, unit = ''): string {
    if (value === undefined || value === null) return '–';
    if (typeof value === 'number') return quantity(value, unit);
    if (typeof value === 'boolean') return value ? 'true' : 'false';
    if (typeof value === 'string') return TIME.test(value) ? when(value) : value;
    return JSON.stringify(value);
}

export const when = (iso: string | undefined): string => (iso === undefined ? '–' : Number.isNaN(Date.parse(iso)) ? iso : dateTime.format(new Date(iso)));

/** The time of today, the day as well before that. */
export function dayTime(iso: string): string {
    const at = new Date(iso);
    return at.toDateString() === new Date().toDateString() ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

export function ago(iso: string | undefined, now = Date.now()): string {
    if (iso === undefined) return 'never';
    const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
    if (seconds < 5) return 'just now';
    if (seconds < 60) return `${Math.floor(seconds)} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
}

// A spreadsheet takes text that begins so for a formula (OWASP, CSV injection): = + - @, their full-width and small
// forms, which some take for the same, also behind what it leaves out in front; and a tab or a line's end.
const COMPUTED = /^(?:[\s\p{C}]*[=+\-@]|[\t\r\n])/u;

/** A cell of CSV (RFC 4180); text that a spreadsheet would compute gets an apostrophe in front. */
export function csvCell(value: unknown): string {
    let text = value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (typeof value === 'string' && COMPUTED.test(text.normalize('NFKC'))) text = `'${text}`;
    return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csv = (columns: string[], rows: unknown[][]): string => [columns, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n';

export function download(name: string, type: string, text: string): void {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
}
