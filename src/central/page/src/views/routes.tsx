// Which view an address means. Devices come with the page, the others when somebody goes there.
import type { JSX } from 'preact';
import { Empty, Loaded, Page, useResource } from '../ui';
import { DeviceView } from './device';
import { DevicesView } from './devices';

type More = typeof import('./more');

function Later({ show }: { show: (views: More) => JSX.Element }): JSX.Element {
    const views = useResource(() => import('./more'), []);
    return <Loaded of={views}>{show}</Loaded>;
}

export function viewOf(place: string[]): JSX.Element {
    const [area, given, tab] = place;
    const name = given === '' ? undefined : given;
    if (area === 'devices') return name === undefined ? <DevicesView /> : <DeviceView key={name} deviceId={name} tab={tab ?? 'overview'} />;
    const show = ((): ((views: More) => JSX.Element) | undefined => {
        switch (area) {
            case 'groups':
                return ({ GroupsView }) => <GroupsView chosen={name} />;
            case 'templates':
                return ({ TemplatesView, TemplateView }) => (name === undefined ? <TemplatesView /> : <TemplateView key={name} templateId={name} tab={tab ?? 'tree'} />);
            case 'dashboards':
                return ({ DashboardsView, DashboardView }) => (name === undefined ? <DashboardsView /> : <DashboardView key={name} dashboardId={name} editing={tab === 'edit'} />);
            case 'analytics':
                return ({ AnalyticsView }) => <AnalyticsView />;
            case 'jobs':
                return ({ JobsView, JobView }) => (name === undefined || name === 'scheduled' ? <JobsView scheduled={name !== undefined} /> : <JobView key={name} jobId={name} />);
            case 'connect':
                return ({ ConnectView }) => <ConnectView deviceId={name} />;
            case 'access':
                return ({ AccessView }) => <AccessView tab={name ?? 'tokens'} />;
            case 'organizations':
                return ({ OrganizationsView }) => <OrganizationsView />;
            default:
                return undefined;
        }
    })();
    if (show !== undefined) return <Later show={show} />;
    return (
        <Page title="Nothing here">
            <Empty title="There is no such page.">
                <a href="#/devices">To the devices</a>
            </Empty>
        </Page>
    );
}
