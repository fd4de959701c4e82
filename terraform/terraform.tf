terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }

  # Filled at `terraform init -backend-config=...` (docs/deployment.md, step 2). The state is read and written with an
  # Entra token; the storage account that holds it has shared keys off.
  backend "azurerm" {
    use_azuread_auth = true
  }
}
