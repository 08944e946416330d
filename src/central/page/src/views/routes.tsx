// Which view an address means. The list of devices comes with the page, a device and the others when somebody goes there.
import type { JSX } from 'preact';
import { Empty, Loaded, Page, useResource } from '../ui';
import { DevicesView } from './devices';

type More = typeof import('./more');
type One = typeof import('./device');

function Later<T>({ load, show }: { load: () => Promise<T>; show: (views: T) => JSX.Element }): JSX.Element {
    const views = useResource(load, []);
    return <Loaded of={views}>{show}</Loaded>;
}

const device = (): Promise<One> => import('./device');
const more = (): Promise<More> => import('./more');

export function viewOf(place: string[]): JSX.Element {
    const [area, given, tab, part] = place;
    const name = given === '' ? undefined : given;
    if (area === 'devices')
        return name === undefined ? <DevicesView /> : <Later key="device" load={device} show={({ DeviceView }) => <DeviceView key={name} deviceId={name} tab={tab ?? 'overview'} viewId={part} />} />;
    const show = ((): ((views: More) => JSX.Element) | undefined => {
        switch (area) {
            case 'groups':
                return ({ GroupsView }) => <GroupsView chosen={name} />;
            case 'templates':
                if (name !== undefined && tab === 'views' && part !== undefined && part !== '') return ({ ViewEditor }) => <ViewEditor key={`${name} ${part}`} templateId={name} viewId={part} />;
                return ({ TemplatesView, TemplateView }) => (name === undefined ? <TemplatesView /> : <TemplateView key={name} templateId={name} tab={tab ?? 'views'} />);
            case 'dashboards':
                return ({ DashboardsView, DashboardView }) => (name === undefined ? <DashboardsView /> : <DashboardView key={name} dashboardId={name} editing={tab === 'edit'} />);
            case 'analytics':
                return ({ AnalyticsView, SavedQueryView }) => (name === undefined ? <AnalyticsView /> : <SavedQueryView key={name} queryId={name} />);
            case 'jobs':
                return ({ JobsView, JobView }) => (name === undefined || name === 'scheduled' ? <JobsView scheduled={name !== undefined} /> : <JobView key={name} jobId={name} />);
            case 'connect':
                return ({ ConnectView }) => <ConnectView deviceId={name} />;
            case 'access':
                return ({ AccessView }) => <AccessView tab={name ?? 'tokens'} group={tab === '' ? undefined : tab} />;
            case 'organizations':
                return ({ OrganizationsView }) => <OrganizationsView />;
            case 'settings':
                return ({ SettingsView }) => <SettingsView />;
            default:
                return undefined;
        }
    })();
    if (show !== undefined) return <Later key="more" load={more} show={show} />;
    return (
        <Page title="Nothing here">
            <Empty title="There is no such page.">
                <a href="#/devices">To the devices</a>
            </Empty>
        </Page>
    );
}
