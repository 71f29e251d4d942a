import api from './index.cjs';

export const { server, provider, cluster, OptionError, ProviderRpcError, ServerStatus } = api;
export default api;
