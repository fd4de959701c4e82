# Run with: terraform test -test-directory=tests/profiles -var-file=profiles/minimal.tfvars -filter=tests/profiles/minimal.tftest.hcl

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  database_bootstrap_image = "docker.io/library/postgres:17-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "minimal_is_cheap_and_still_safe" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.sku_name == "B_Standard_B1ms" && length(azurerm_postgresql_flexible_server.this.high_availability) == 0 && length(azurerm_function_app_flex_consumption.this.always_ready) == 0
    error_message = "Minimal must have the smallest database, no standby and no warm instance."
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.public_network_access_enabled == false && azurerm_storage_account.this.shared_access_key_enabled == false && length(azurerm_management_lock.database) == 1
    error_message = "Minimal must be safe."
  }
}
