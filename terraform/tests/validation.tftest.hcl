# An invalid variable is rejected before the plan.

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

run "where" {
  command = plan

  variables {
    subscription_id       = "my subscription"
    location              = "West Europe"
    name                  = "Foot-fall"
    environment           = "production"
    network_address_space = "8.8.0.0/16"
    tags                  = { long = join("", [for number in range(257) : "x"]) }
  }

  expect_failures = [var.subscription_id, var.location, var.name, var.environment, var.network_address_space, var.tags]
}

run "network_too_small" {
  command = plan

  variables {
    network_address_space = "10.0.0.0/24"
  }

  expect_failures = [var.network_address_space]
}

run "database" {
  command = plan

  variables {
    database_server_suffix            = "-restored"
    database_storage_in_mb            = 40000
    database_backup_retention_in_days = 3
    database_high_availability_mode   = "Sometimes"
    database_connection_reserve       = 1
    database_maintenance_window       = { day_of_week = 7, start_hour = 3 }
    database_administrators           = { admins = { object_id = "admins", type = "Group" } }
    database_bootstrap_image          = "docker.io/library/postgres:17-alpine"
  }

  expect_failures = [
    var.database_server_suffix, var.database_storage_in_mb, var.database_backup_retention_in_days, var.database_high_availability_mode, var.database_connection_reserve,
    var.database_maintenance_window, var.database_administrators, var.database_bootstrap_image,
  ]
}

run "a_job_without_an_image" {
  command = plan

  variables {
    database_bootstrap_image = null
  }

  expect_failures = [var.database_bootstrap_image]
}

run "function_app" {
  command = plan

  variables {
    instance_memory_in_mb = 1024
    http_concurrency      = 0
    sites                 = ["https://www.example.com/"]
    time_zone             = "CET+1"
    forget                = "never"
    revoked_links         = ["client.1"]
    events                = ["sign,up"]
    embedding_origins     = ["https://www.example.com/"]
    retention_days        = 0
    log_level             = "verbose"
    dashboard_token_secret = {
      key_vault_id = "kv-footfall"
      name         = "dashboard-token"
    }
  }

  expect_failures = [
    var.instance_memory_in_mb, var.http_concurrency, var.sites, var.events, var.embedding_origins, var.revoked_links, var.time_zone, var.forget, var.retention_days, var.log_level, var.dashboard_token_secret,
  ]
}

run "addresses_and_names" {
  command = plan

  variables {
    public_url         = "https://www.example.com/"
    rate_limit         = "0"
    client_connections = 0
    script_name        = "a/b.js"
    endpoint_name      = ""
  }

  expect_failures = [
    var.public_url, var.rate_limit, var.client_connections, var.script_name, var.endpoint_name,
  ]
}

run "a_custom_domain_that_is_an_address" {
  command = plan

  variables {
    custom_domain = "https://stats.example.com"
  }

  expect_failures = [var.custom_domain]
}

run "two_public_addresses" {
  command = plan

  variables {
    custom_domain = "stats.example.com"
    public_url    = "https://www.example.com"
  }

  expect_failures = [var.custom_domain]
}

run "too_many_proxies" {
  command = plan

  variables {
    trusted_proxies = 11
  }

  expect_failures = [var.trusted_proxies]
}

run "an_address_that_is_no_block" {
  command = plan

  variables {
    allowed_addresses = ["203.0.113.7/24"]
    public_url        = "https://www.example.com"
  }

  expect_failures = [var.allowed_addresses]
}

run "everybody_is_no_list_of_addresses" {
  command = plan

  variables {
    allowed_addresses = ["0.0.0.0/0"]
    public_url        = "https://www.example.com"
  }

  expect_failures = [var.allowed_addresses]
}

run "a_trusted_proxy_that_clients_can_bypass" {
  command = plan

  variables {
    trusted_proxies = 2
  }

  expect_failures = [var.trusted_proxies]
}

run "addresses_that_bypass_front_door" {
  command = plan

  variables {
    front_door_enabled = true
    allowed_addresses  = ["203.0.113.7/32"]
    public_url         = "https://www.example.com"
  }

  expect_failures = [var.allowed_addresses]
}

run "availability_tests_that_the_app_refuses" {
  command = plan

  variables {
    allowed_addresses = ["203.0.113.7/32"]
  }

  expect_failures = [var.allowed_addresses]
}

run "a_public_site_that_is_not_counted" {
  command = plan

  variables {
    sites        = ["www.example.com"]
    public_sites = ["other.example.com"]
  }

  expect_failures = [var.public_sites]
}

run "no_instances" {
  command = plan

  variables {
    maximum_instance_count = 0
  }

  expect_failures = [var.maximum_instance_count]
}

run "front_door" {
  command = plan

  variables {
    front_door_sku_name            = "Classic"
    front_door_requests_per_minute = 5
  }

  expect_failures = [var.front_door_sku_name, var.front_door_requests_per_minute]
}

run "monitoring" {
  command = plan

  variables {
    alert_emails                           = ["operator"]
    log_retention_in_days                  = 7
    log_daily_cap_in_gb                    = 0
    availability_test_frequency_in_seconds = 60
    availability_test_locations            = ["Amsterdam"]
    query_alert_frequency_in_minutes       = 1
    latency_alert_in_ms                    = 1
    server_error_alert_percentage          = 0
    usual_pageviews_per_hour               = 0
    monthly_budget                         = 0
  }

  expect_failures = [
    var.alert_emails, var.log_retention_in_days, var.log_daily_cap_in_gb, var.availability_test_frequency_in_seconds, var.availability_test_locations,
    var.query_alert_frequency_in_minutes, var.latency_alert_in_ms, var.server_error_alert_percentage, var.usual_pageviews_per_hour, var.monthly_budget,
  ]
}

run "delivery" {
  command = plan

  variables {
    github_repository  = "https://github.com/owner/name"
    github_environment = "*"
    state_container_id = "tfstate"
  }

  expect_failures = [var.github_repository, var.github_environment, var.state_container_id]
}

run "an_additional_setting_that_is_not_the_handlers" {
  command = plan

  variables {
    additional_settings = { PGHOST = "other.example" }
  }

  expect_failures = [var.additional_settings]
}

run "an_additional_setting_that_has_a_variable" {
  command = plan

  variables {
    additional_settings = { FOOTFALL_RETENTION_DAYS = "30" }
  }

  expect_failures = [var.additional_settings]
}
