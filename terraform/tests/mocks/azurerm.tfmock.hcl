# Mocked values that Azure would return. Every identity has its own ids, so that confusing two of them fails a test.
# The provider's validators run even when it is mocked, and reject incomplete ids. So each type whose id is used needs a
# complete id here. terraform/scripts/check-azure checks segments and letters.

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

# Network ----------------------------------------------------------------------------------------------------------------

mock_resource "azurerm_virtual_network" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/virtualNetworks/vnet-mock"
  }
}

mock_resource "azurerm_subnet" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/virtualNetworks/vnet-mock/subnets/snet-mock"
  }
}

override_resource {
  target = azurerm_subnet.functions
  values = { id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/virtualNetworks/vnet-mock/subnets/snet-functions" }
}

override_resource {
  target = azurerm_subnet.endpoints
  values = { id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/virtualNetworks/vnet-mock/subnets/snet-endpoints" }
}

override_resource {
  target = azurerm_subnet.jobs
  values = { id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/virtualNetworks/vnet-mock/subnets/snet-jobs" }
}

mock_resource "azurerm_network_security_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/networkSecurityGroups/nsg-mock"
  }
}

mock_resource "azurerm_private_dns_zone" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/privateDnsZones/privatelink.mock"
  }
}

# Identities -------------------------------------------------------------------------------------------------------------

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-mock"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.app
  values = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-app"
    client_id    = "a0000000-0000-0000-0000-00000000c11e"
    principal_id = "a0000000-0000-0000-0000-000000000001"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.bootstrap
  values = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-bootstrap"
    client_id    = "b0000000-0000-0000-0000-00000000c11e"
    principal_id = "b0000000-0000-0000-0000-000000000001"
  }
}

override_resource {
  target = azurerm_user_assigned_identity.github
  values = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-github"
    client_id    = "c0000000-0000-0000-0000-00000000c11e"
    principal_id = "c0000000-0000-0000-0000-000000000001"
  }
}

# Database ---------------------------------------------------------------------------------------------------------------

mock_resource "azurerm_postgresql_flexible_server" {
  defaults = {
    id   = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.DBforPostgreSQL/flexibleServers/psql-mock"
    fqdn = "psql-mock.postgres.database.azure.com"
  }
}

mock_resource "azurerm_container_app_environment" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.App/managedEnvironments/cae-mock"
  }
}

mock_resource "azurerm_container_app_job" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.App/jobs/caj-mock"
  }
}

# App and storage --------------------------------------------------------------------------------------------------------

mock_resource "azurerm_storage_account" {
  defaults = {
    id                    = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Storage/storageAccounts/stmock"
    primary_blob_endpoint = "https://stmock.blob.core.windows.net/"
  }
}

mock_resource "azurerm_service_plan" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Web/serverFarms/asp-mock"
  }
}

mock_resource "azurerm_function_app_flex_consumption" {
  defaults = {
    id               = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Web/sites/func-mock"
    default_hostname = "func-mock.azurewebsites.net"
  }
}

# Front Door -------------------------------------------------------------------------------------------------------------

mock_resource "azurerm_cdn_frontdoor_profile" {
  defaults = {
    id            = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Cdn/profiles/afd-mock"
    resource_guid = "fdfdfdfd-0000-0000-0000-000000000001"
  }
}

mock_resource "azurerm_cdn_frontdoor_endpoint" {
  defaults = {
    id        = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Cdn/profiles/afd-mock/afdEndpoints/mock"
    host_name = "mock-abc.z01.azurefd.net"
  }
}

mock_resource "azurerm_cdn_frontdoor_custom_domain" {
  defaults = {
    id               = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Cdn/profiles/afd-mock/customDomains/stats-example-com"
    validation_token = "mock"
  }
}

mock_resource "azurerm_app_service_custom_hostname_binding" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Web/sites/func-mock/hostNameBindings/stats.example.com"
  }
}

mock_resource "azurerm_app_service_managed_certificate" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Web/certificates/stats.example.com"
  }
}

mock_resource "azurerm_cdn_frontdoor_origin_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Cdn/profiles/afd-mock/originGroups/functions"
  }
}

mock_resource "azurerm_cdn_frontdoor_origin" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Cdn/profiles/afd-mock/originGroups/functions/origins/function-app"
  }
}

mock_resource "azurerm_cdn_frontdoor_firewall_policy" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Network/frontDoorWebApplicationFirewallPolicies/wafmock"
  }
}

# Monitoring -------------------------------------------------------------------------------------------------------------

mock_resource "azurerm_log_analytics_workspace" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.OperationalInsights/workspaces/log-mock"
  }
}

mock_resource "azurerm_application_insights" {
  defaults = {
    id                = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Insights/components/appi-mock"
    connection_string = "InstrumentationKey=00000000-0000-0000-0000-000000000000;IngestionEndpoint=https://mock.in.applicationinsights.azure.com/"
  }
}

mock_resource "azurerm_application_insights_standard_web_test" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Insights/webTests/webtest-mock"
  }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-mock/providers/Microsoft.Insights/actionGroups/ag-mock"
  }
}
