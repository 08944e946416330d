// The views that are fetched when somebody goes there.
export { AccessView, OrganizationsView } from './access';
export { AnalyticsView } from './analytics';
export { ConnectView } from './connect';
export { DashboardsView, DashboardView } from './dashboards';
export { GroupsView } from './groups';
export { SavedQueryView } from './saved_queries';
export { JobsView, JobView } from './jobs';
export { SettingsView } from './settings';
export { TemplatesView, TemplateView } from './templates';
export { ViewEditor } from './template_views';
