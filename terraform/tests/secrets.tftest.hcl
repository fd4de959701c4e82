# The configuration has no password, key or token, so the state has no usable one.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  subscription_id = "11111111-2222-3333-4444-555555555555"
  location        = "swedencentral"
  environment     = "test"
  monthly_budget  = 100

  database_bootstrap_image = "docker.io/library/postgres:17-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "no_setting_is_a_secret" {
  command = plan

  assert {
    condition = alltrue([for name, value in azurerm_function_app_flex_consumption.this.app_settings :
      length(regexall("(?i)(password|pwd|accountkey|sharedaccess|sig=|secret)", "${name}=${value}")) == 0
    ])
    error_message = "No app setting may look like a secret."
  }

  assert {
    condition     = length(azurerm_function_app_flex_consumption.this.connection_string) == 0
    error_message = "There must be no connection strings."
  }

  assert {
    condition     = length(azurerm_container_app_job.bootstrap[0].secret) == 0 && length(azurerm_container_app_job.bootstrap[0].registry) == 0
    error_message = "The bootstrap job needs neither secrets nor a registry's password."
  }

  assert {
    condition = alltrue([for variable in azurerm_container_app_job.bootstrap[0].template[0].container[0].env :
      !strcontains(upper(variable.name), "PASSWORD")
    ])
    error_message = "The bootstrap job must get a token at run time, not a password."
  }
}

run "nothing_in_the_configuration_asks_for_one" {
  command = plan

  assert {
    condition = length(regexall(
      "(?m)^[^#]*(administrator_password|administrator_login|storage_access_key|primary_access_key|secondary_access_key|primary_connection_string|secondary_connection_string|primary_blob_connection_string|primary_shared_key|secondary_shared_key|instrumentation_key|application_insights_key|site_credential|client_secret)",
      join("\n", [for name in fileset(path.module, "*.tf") : file("${path.module}/${name}")])
    )) == 0
    error_message = "The configuration must not set or read a password or a key."
  }

  assert {
    condition     = length(regexall("resource +\"(random_password|tls_private_key|azurerm_key_vault_secret)\"", join("\n", [for name in fileset(path.module, "*.tf") : file("${path.module}/${name}")]))) == 0
    error_message = "Terraform must not generate a secret, because the state would contain it."
  }
}

run "telemetry_takes_tokens_only" {
  command = plan

  assert {
    condition     = azurerm_application_insights.this.local_authentication_enabled == false && azurerm_log_analytics_workspace.this.local_authentication_enabled == false
    error_message = "Application Insights must refuse keys, or the connection string would be a secret."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"] == "ClientId=${azurerm_user_assigned_identity.app.client_id};Authorization=AAD"
    error_message = "The host must send telemetry with the app's token."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.site_config[0].application_insights_connection_string == azurerm_application_insights.this.connection_string
    error_message = "The host must send telemetry to this component."
  }

  assert {
    condition     = azurerm_container_app_environment.jobs[0].logs_destination == "azure-monitor" && azurerm_container_app_environment.jobs[0].log_analytics_workspace_id == null
    error_message = "Logs must go through a diagnostic setting, because the other destination needs the workspace's shared key."
  }
}

run "visitors_addresses_stay_out_of_telemetry" {
  command = plan

  assert {
    condition     = azurerm_application_insights.this.ip_masking_enabled == true
    error_message = "Application Insights must not keep client addresses."
  }
}
