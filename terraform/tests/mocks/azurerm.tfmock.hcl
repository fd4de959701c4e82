# What the tests pretend Azure answered. Every identity has its own ids, so that a mix-up shows.

mock_data "azurerm_client_config" {
  defaults = {
    tenant_id = "aaaaaaaa-0000-0000-0000-000000000000"
  }
}

mock_resource "azurerm_resource_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = {
    id                    = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Storage/storageAccounts/stmock"
    primary_blob_endpoint = "https://stmock.blob.core.windows.net/"
  }
}

mock_resource "azurerm_postgresql_flexible_server" {
  defaults = {
    id   = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.DBforPostgreSQL/flexibleServers/psql-mock"
    fqdn = "psql-mock.postgres.database.azure.com"
  }
}

mock_resource "azurerm_application_insights" {
  defaults = {
    id                = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Insights/components/appi-mock"
    connection_string = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://mock.in.applicationinsights.azure.com/"
  }
}

mock_resource "azurerm_function_app_flex_consumption" {
  defaults = {
    id               = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Web/sites/func-mock"
    default_hostname = "func-mock.azurewebsites.net"
  }
}

mock_resource "azurerm_container_app_job" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.App/jobs/caj-mock"
  }
}

mock_resource "azurerm_cdn_frontdoor_profile" {
  defaults = {
    resource_guid = "fdfdfdfd-0000-0000-0000-000000000001"
  }
}

mock_resource "azurerm_cdn_frontdoor_endpoint" {
  defaults = {
    host_name = "mock-abc.z01.azurefd.net"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.app
  values = {
    id           = "/identities/app"
    client_id    = "a0000000-0000-0000-0000-00000000c11e"
    principal_id = "a0000000-0000-0000-0000-000000000001"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.bootstrap
  values = {
    id           = "/identities/bootstrap"
    client_id    = "b0000000-0000-0000-0000-00000000c11e"
    principal_id = "b0000000-0000-0000-0000-000000000001"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.github
  values = {
    id           = "/identities/github"
    client_id    = "c0000000-0000-0000-0000-00000000c11e"
    principal_id = "c0000000-0000-0000-0000-000000000001"
  }
}

override_resource {
  target = azurerm_subnet.functions
  values = { id = "/subnets/functions" }
}

override_resource {
  target = azurerm_subnet.endpoints
  values = { id = "/subnets/endpoints" }
}

override_resource {
  target = azurerm_subnet.jobs
  values = { id = "/subnets/jobs" }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Insights/actionGroups/ag-mock"
  }
}

mock_resource "azurerm_virtual_network" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/virtualNetworks/vnet-mock"
  }
}

mock_resource "azurerm_log_analytics_workspace" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.OperationalInsights/workspaces/log-mock"
  }
}
