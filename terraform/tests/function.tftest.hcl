# The function app and its storage: identities instead of keys, HTTPS only, recent TLS, the settings the handler reads.

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

run "storage_has_no_keys_and_nothing_anonymous" {
  command = plan

  assert {
    condition     = azurerm_storage_account.this.shared_access_key_enabled == false && azurerm_storage_account.this.local_user_enabled == false && azurerm_storage_account.this.default_to_oauth_authentication == true
    error_message = "Shared keys and local users must be off."
  }

  assert {
    condition     = azurerm_storage_account.this.allow_nested_items_to_be_public == false && azurerm_storage_container.packages.container_access_type == "private"
    error_message = "The storage account must not allow anonymous access."
  }

  assert {
    condition     = azurerm_storage_account.this.min_tls_version == "TLS1_2" && azurerm_storage_account.this.https_traffic_only_enabled == true
    error_message = "Storage must require HTTPS and TLS 1.2."
  }

  assert {
    condition     = azurerm_storage_account.this.public_network_access_enabled == false && one(azurerm_storage_account.this.network_rules).default_action == "Deny" && length(azurerm_private_endpoint.blob) == 1
    error_message = "By default storage must be reachable through its private endpoint only."
  }
}

run "storage_is_still_keyless_without_its_endpoint" {
  command = plan

  variables {
    storage_private_endpoint_enabled = false
  }

  assert {
    condition     = azurerm_storage_account.this.shared_access_key_enabled == false && azurerm_storage_account.this.allow_nested_items_to_be_public == false && length(azurerm_private_endpoint.blob) == 0
    error_message = "Without the endpoint, keys and anonymous access must stay off."
  }

  assert {
    condition     = length(azurerm_storage_account.this.network_rules) == 0
    error_message = "There must be no rules that allow everything: the provider reads them as none, so every plan would add them."
  }
}

run "storage_settings_name_an_identity" {
  command = plan

  assert {
    condition = (
      azurerm_function_app_flex_consumption.this.app_settings["AzureWebJobsStorage"] == "" &&
      azurerm_function_app_flex_consumption.this.app_settings["AzureWebJobsStorage__credential"] == "managedidentity" &&
      azurerm_function_app_flex_consumption.this.app_settings["AzureWebJobsStorage__clientId"] == azurerm_user_assigned_identity.app.client_id &&
      azurerm_function_app_flex_consumption.this.app_settings["AzureWebJobsStorage__accountName"] == azurerm_storage_account.this.name
    )
    error_message = "The host must use its storage by identity, and AzureWebJobsStorage must be empty, or the provider writes a broken connection string."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.storage_authentication_type == "UserAssignedIdentity" && azurerm_function_app_flex_consumption.this.storage_user_assigned_identity_id == azurerm_user_assigned_identity.app.id && azurerm_function_app_flex_consumption.this.storage_access_key == null
    error_message = "The package must be read by identity."
  }

  # The difference of every plan (azurerm#33211). If it were ignored, an update would send the provider's broken string.
  assert {
    condition     = length(regexall("ignore_changes[^\\]]*app_settings", file("${path.module}/main.function.tf"))) == 0
    error_message = "Changes of app_settings must not be ignored: terraform/scripts/plan-has-changes handles the change of every plan."
  }
}

run "https_only_and_no_publishing_password" {
  command = plan

  assert {
    condition     = azurerm_function_app_flex_consumption.this.https_only == true
    error_message = "The app must accept HTTPS only."
  }

  assert {
    condition     = contains(["1.2", "1.3"], azurerm_function_app_flex_consumption.this.site_config[0].minimum_tls_version) && contains(["1.2", "1.3"], azurerm_function_app_flex_consumption.this.site_config[0].scm_minimum_tls_version)
    error_message = "The app must require TLS 1.2 or newer, also for publishing."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.webdeploy_publish_basic_authentication_enabled == false
    error_message = "Publishing with a password must be off."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.site_config[0].remote_debugging_enabled == false
    error_message = "Remote debugging must be off."
  }
}

run "runs_as_its_own_identity_inside_the_network" {
  command = plan

  assert {
    condition     = azurerm_function_app_flex_consumption.this.identity[0].type == "UserAssigned" && azurerm_function_app_flex_consumption.this.identity[0].identity_ids == toset([azurerm_user_assigned_identity.app.id])
    error_message = "The app must run as its own identity and no other."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.virtual_network_subnet_id == azurerm_subnet.functions.id && azurerm_function_app_flex_consumption.this.site_config[0].vnet_route_all_enabled == true
    error_message = "All the app's traffic must go through its subnet."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.runtime_name == "custom" && azurerm_function_app_flex_consumption.this.runtime_version == "1.0"
    error_message = "The runtime must be custom 1.0."
  }

  assert {
    condition     = !strcontains(file("${path.module}/main.function.tf"), "health_check")
    error_message = "There must be no health check path, because Flex Consumption has no health check."
  }
}

run "the_handler_gets_the_settings_it_reads_and_no_other" {
  command = plan

  variables {
    sites              = ["www.example.com", "blog.example.com"]
    subdomains_enabled = true
    events             = ["signup", "download"]
    embedding_origins  = ["https://www.example.com", "http://localhost:3000"]
    public_sites       = ["blog.example.com"]
    revoked_links      = ["client", "partner"]
    time_zone          = "Europe/Zurich"
    forget             = "daily"
    all_time_enabled   = false
    retention_days     = 400
    trusted_proxies    = 3
    allowed_addresses  = ["203.0.113.7/32"]
    public_url         = "https://www.example.com/f"
    rate_limit         = "off"
    smallest_group     = "20"
    client_connections = 500
    script_name        = "hello.js"
    endpoint_name      = "hello"
    additional_settings = {
      FOOTFALL_LOG_FORMAT = "json"
    }
  }

  assert {
    condition = { for name, value in azurerm_function_app_flex_consumption.this.app_settings : name => value if !startswith(name, "AzureWebJobs") } == {
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING = "ClientId=a0000000-0000-0000-0000-00000000c11e;Authorization=AAD"
      AZURE_CLIENT_ID                           = "a0000000-0000-0000-0000-00000000c11e"
      FOOTFALL_ALL_TIME                         = "off"
      FOOTFALL_CONNECTIONS                      = "500"
      FOOTFALL_DATABASE_AUTH                    = "entra"
      FOOTFALL_ENDPOINT                         = "hello"
      FOOTFALL_EVENTS                           = "signup,download"
      FOOTFALL_EMBED                            = "https://www.example.com,http://localhost:3000"
      FOOTFALL_FORGET                           = "daily"
      FOOTFALL_LOG                              = "info"
      FOOTFALL_LOG_FORMAT                       = "json"
      FOOTFALL_PUBLIC_SITES                     = "blog.example.com"
      FOOTFALL_RATE_LIMIT                       = "off"
      FOOTFALL_RETENTION_DAYS                   = "400"
      FOOTFALL_REVOKED_LINKS                    = "client,partner"
      FOOTFALL_SCRIPT                           = "hello.js"
      FOOTFALL_SITES                            = "www.example.com,blog.example.com"
      FOOTFALL_SMALLEST_GROUP                   = "20"
      FOOTFALL_SUBDOMAINS                       = "on"
      FOOTFALL_TIMEZONE                         = "Europe/Zurich"
      FOOTFALL_TRUSTED_PROXIES                  = "3"
      PGDATABASE                                = "footfall"
      PGHOST                                    = "psql-mock.postgres.database.azure.com"
      PGPORT                                    = "5432"
      PGUSER                                    = "id-footfall-test-app"
    }
    error_message = "An unknown FOOTFALL_ setting stops the handler, and FUNCTIONS_WORKER_RUNTIME breaks Flex Consumption."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["AzureWebJobsDisableHomepage"] == "true"
    error_message = "The host's home page must be off, because it hides Footfall's."
  }
}

run "unset_options_are_absent" {
  command = plan

  assert {
    condition     = length(setintersection(keys(azurerm_function_app_flex_consumption.this.app_settings), ["FOOTFALL_SITES", "FOOTFALL_SUBDOMAINS", "FOOTFALL_EVENTS", "FOOTFALL_EMBED", "FOOTFALL_PUBLIC_SITES", "FOOTFALL_REVOKED_LINKS", "FOOTFALL_RETENTION_DAYS", "FOOTFALL_DASHBOARD_TOKEN", "FOOTFALL_PUBLIC_URL", "FOOTFALL_CONNECTIONS", "FOOTFALL_RATE_LIMIT", "FOOTFALL_SCRIPT", "FOOTFALL_ENDPOINT", "FUNCTIONS_WORKER_RUNTIME"])) == 0
    error_message = "A setting without a value must not be sent as an empty value."
  }

  assert {
    condition     = length(azurerm_function_app_flex_consumption.this.always_ready) == 0
    error_message = "By default no instance may run without visits."
  }
}

run "the_pooler_has_its_own_port" {
  command = plan

  variables {
    database_sku_name       = "GP_Standard_D2ds_v5"
    database_pooler_enabled = true
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["PGPORT"] == "6432" && azurerm_postgresql_flexible_server_configuration.this["pgbouncer.enabled"].value == "true" && azurerm_postgresql_flexible_server_configuration.pooler["pgbouncer.pool_mode"].value == "transaction"
    error_message = "With PgBouncer the app must connect to 6432."
  }

  assert {
    condition     = tonumber(azurerm_postgresql_flexible_server_configuration.pooler["pgbouncer.max_prepared_statements"].value) > 0
    error_message = "PgBouncer must keep prepared statements; its default on Azure is 0."
  }

  assert {
    condition     = alltrue([for name in keys(azurerm_postgresql_flexible_server_configuration.this) : !startswith(name, "pgbouncer.") || name == "pgbouncer.enabled"])
    error_message = "Other parameters of PgBouncer exist only while pgbouncer.enabled is true, so they must wait for it."
  }
}

run "only_the_own_proxy_reaches_the_app" {
  command = plan

  variables {
    trusted_proxies   = 2
    allowed_addresses = ["203.0.113.7/32", "2001:db8::/48"]
    public_url        = "https://www.example.com/f"
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction_default_action == "Deny" && [for rule in azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction : "${rule.action} ${rule.ip_address}"] == ["Allow 203.0.113.7/32", "Allow 2001:db8::/48"]
    error_message = "The app must deny all addresses that are not listed, because they could send any address of a visitor."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_TRUSTED_PROXIES"] == "2"
    error_message = "The platform and the proxy must be trusted."
  }

  assert {
    condition     = output.url == "https://www.example.com/f" && alltrue([for test in azurerm_application_insights_standard_web_test.this : startswith(one(test.request).url, "https://www.example.com/f/")])
    error_message = "Availability tests must use the proxy, because the app refuses them."
  }
}
