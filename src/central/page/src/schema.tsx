// The right control for each schema of a template. A value that is not filled in is undefined.
import type { JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { Schema } from './model';
import { schemaName } from './model';

interface ControlProps {
    schema: Schema;
    value: unknown;
    onChange: (value: unknown) => void;
    id: string;
    min?: number | undefined;
    max?: number | undefined;
    label: string;
    described?: string | undefined;
}

const WHOLE = new Set(['integer', 'long']);

export function Control(props: ControlProps): JSX.Element {
    const { schema } = props;
    switch (schema.kind) {
        case 'primitive':
            return <Primitive {...props} name={schema.name} />;
        case 'enum':
            return (
                <select
                    id={props.id}
                    aria-describedby={props.described}
                    value={props.value === undefined ? '' : String(props.value)}
                    onInput={(event) => props.onChange(schema.values.find((one) => String(one.value) === event.currentTarget.value)?.value)}
                >
                    <option value="">Choose…</option>
                    {schema.values.map((one) => (
                        <option value={String(one.value)}>{one.label}</option>
                    ))}
                </select>
            );
        case 'object':
            return <Fields {...props} schema={schema} />;
        default:
            return <JsonText {...props} />;
    }
}

function Primitive({ name, ...props }: ControlProps & { name: string }): JSX.Element {
    const common = { id: props.id, 'aria-describedby': props.described };
    const text = props.value === undefined || props.value === null ? '' : String(props.value);
    if (name === 'boolean')
        return (
            <select
                {...common}
                value={text}
                onInput={(event) => props.onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value === 'true')}
            >
                <option value="">Choose…</option>
                <option value="true">true</option>
                <option value="false">false</option>
            </select>
        );
    if (WHOLE.has(name) || name === 'double' || name === 'float')
        return (
            <input
                {...common}
                type="number"
                step={WHOLE.has(name) ? 1 : 'any'}
                min={props.min}
                max={props.max}
                value={text}
                onInput={(event) => props.onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.valueAsNumber)}
            />
        );
    const type = (name === 'date' ? 'date' : name === 'dateTime' ? 'datetime-local' : 'text') as 'text';
    const shown = name === 'dateTime' ? localTime(text) : text;
    const hint = name === 'duration' ? 'PT10M' : name === 'time' ? '12:30:00' : undefined;
    return (
        <input
            {...common}
            type={type}
            step={name === 'dateTime' ? 1 : undefined}
            value={shown}
            placeholder={hint}
            spellcheck={false}
            onInput={(event) => {
                const value = event.currentTarget.value;
                if (value === '' && name !== 'string') props.onChange(undefined);
                else props.onChange(name === 'dateTime' ? new Date(value).toISOString() : value);
            }}
        />
    );
}

/** What datetime-local wants: local time without a zone. */
function localTime(iso: string): string {
    const at = Date.parse(iso);
    if (Number.isNaN(at)) return '';
    return new Date(at - new Date(at).getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

function Fields(props: ControlProps & { schema: Extract<Schema, { kind: 'object' }> }): JSX.Element {
    const own = useId();
    const value = (typeof props.value === 'object' && props.value !== null ? props.value : {}) as Record<string, unknown>;
    const change = (name: string, next: unknown): void => {
        const { [name]: _, ...rest } = value;
        const all = next === undefined ? rest : { ...rest, [name]: next };
        props.onChange(Object.keys(all).length === 0 ? undefined : all);
    };
    return (
        <fieldset id={props.id} class="fields">
            <legend class="hidden">{props.label}</legend>
            {props.schema.fields.map((field) => (
                <div class="field">
                    <label for={`${own}-${field.name}`}>
                        {field.displayName} <span class="dim">{schemaName(field.schema)}</span>
                    </label>
                    <Control
                        id={`${own}-${field.name}`}
                        label={field.displayName}
                        schema={field.schema}
                        value={value[field.name]}
                        onChange={(next) => change(field.name, next)}
                    />
                </div>
            ))}
        </fieldset>
    );
}

function JsonText(props: ControlProps): JSX.Element {
    const [text, setText] = useState(props.value === undefined ? '' : JSON.stringify(props.value, null, 2));
    const [good, setGood] = useState(true);
    useEffect(() => {
        if (props.value === undefined && good) setText('');
    }, [props.value]);
    const change = (next: string): void => {
        setText(next);
        try {
            props.onChange(next.trim() === '' ? undefined : JSON.parse(next));
            setGood(true);
        } catch {
            setGood(false);
        }
    };
    return (
        <>
            <textarea
                id={props.id}
                class="mono"
                rows={3}
                value={text}
                spellcheck={false}
                aria-invalid={!good}
                aria-describedby={props.described}
                placeholder={`JSON, ${schemaName(props.schema)}`}
                onInput={(event) => change(event.currentTarget.value)}
            />
            {!good && (
                <p class="hint bad" role="alert">
                    This is not JSON yet.
                </p>
            )}
        </>
    );
}
