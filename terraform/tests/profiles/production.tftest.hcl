# Run with: terraform test -test-directory=tests/profiles -var-file=profiles/production.tfvars -filter=tests/profiles/production.tftest.hcl

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  database_bootstrap_image = "docker.io/library/postgres:17-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "production_survives_a_zone_and_tells_people" {
  command = plan

  assert {
    condition     = one(azurerm_postgresql_flexible_server.this.high_availability).mode == "ZoneRedundant" && azurerm_service_plan.this.zone_balancing_enabled && azurerm_storage_account.this.account_replication_type == "ZRS"
    error_message = "Production must survive the loss of a zone."
  }

  assert {
    condition     = one(azurerm_function_app_flex_consumption.this.always_ready).instance_count == 2 && length(azurerm_monitor_action_group.this.email_receiver) >= 1
    error_message = "Production must have warm instances, and alerts by e-mail."
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.public_network_access_enabled == false && azurerm_storage_account.this.public_network_access_enabled == false && azurerm_storage_account.this.shared_access_key_enabled == false && length(azurerm_management_lock.database) == 1
    error_message = "Production must be safe."
  }
}
