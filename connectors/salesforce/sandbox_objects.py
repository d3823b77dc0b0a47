"""The standard objects of the org, with the types, lengths and duties their fields have in a new Sales Cloud org."""

from __future__ import annotations

from connectors.salesforce.sandbox_schema import SObject, read_object

_PERSON = """
LastName string 80 required
FirstName string 40
Salutation picklist 40 [Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.]
Name string 121 calculated
Phone phone 40
MobilePhone phone 40
Fax phone 40
Email email 80 lookup
Title string 128
Description textarea 32000
LeadSource picklist 255 [Web|Phone Inquiry|Partner Referral|Purchased List|Other]
HasOptedOutOfEmail boolean =false
HasOptedOutOfFax boolean =false
DoNotCall boolean =false
IndividualId reference ->Individual/{plural}
EmailBouncedReason string 255
EmailBouncedDate datetime
IsEmailBounced boolean readonly =false
LastActivityDate date readonly
MasterRecordId reference readonly ->{self}
OwnerId reference ->User
"""


def _address(prefix: str) -> str:
    return f"""
{prefix}Street textarea 255
{prefix}City string 40
{prefix}State string 80
{prefix}PostalCode string 20
{prefix}Country string 80
{prefix}Latitude double
{prefix}Longitude double
{prefix}Address address readonly
"""


_ACCOUNT = f"""
Name string 255 required
Type picklist 255 [Prospect|Customer - Direct|Customer - Channel|Channel Partner / Reseller|Other]
ParentId reference ->Account/ChildAccounts
{_address("Billing")}
{_address("Shipping")}
Phone phone 40
Fax phone 40
AccountNumber string 40
Website url 255
Industry picklist 255 [Agriculture|Banking|Consulting|Education|Manufacturing|Retail|Technology|Other]
AnnualRevenue currency
NumberOfEmployees int
Description textarea 32000
Rating picklist 255 [Hot|Warm|Cold]
AccountSource picklist 255 [Web|Phone Inquiry|Partner Referral|Purchased List|Other]
LastActivityDate date readonly
MasterRecordId reference readonly ->Account
OwnerId reference ->User
"""

_CONTACT = f"""
{_PERSON.format(plural="Contacts", self="Contact")}
AccountId reference ->Account/Contacts
ReportsToId reference ->Contact
Department string 80
AssistantName string 40
AssistantPhone phone 40
HomePhone phone 40
OtherPhone phone 40
Birthdate date
{_address("Mailing")}
{_address("Other")}
"""

_LEAD = f"""
{_PERSON.format(plural="Leads", self="Lead")}
Company string 255 required
{_address("")}
Website url 255
Status picklist 255 required [Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted] =Open_-_Not_Contacted
Industry picklist 255 [Agriculture|Banking|Consulting|Education|Manufacturing|Retail|Technology|Other]
Rating picklist 255 [Hot|Warm|Cold]
AnnualRevenue currency
NumberOfEmployees int
IsConverted boolean readonly =false
ConvertedDate date readonly
ConvertedAccountId reference readonly ->Account
ConvertedContactId reference readonly ->Contact
ConvertedOpportunityId reference readonly ->Opportunity
IsUnreadByOwner boolean =false
"""  # noqa: E501 -- one field a line

_OPPORTUNITY = """
AccountId reference ->Account/Opportunities
RecordTypeId reference ->RecordType
IsPrivate boolean =false
Name string 120 required
Description textarea 32000
StageName picklist 255 required
Amount currency
Probability percent
ExpectedRevenue currency calculated
CloseDate date required
Type picklist 255 [Existing Business|New Business]
NextStep string 255
LeadSource picklist 255 [Web|Phone Inquiry|Partner Referral|Purchased List|Other]
IsClosed boolean readonly =false
IsWon boolean readonly =false
ForecastCategory picklist 40 readonly [Omitted|Pipeline|BestCase|Forecast|Closed]
ForecastCategoryName picklist 40 [Omitted|Pipeline|Best Case|Commit|Closed]
LastActivityDate date readonly
OwnerId reference ->User
"""

_ROLE = """
OpportunityId reference required createonly ->Opportunity/OpportunityContactRoles
ContactId reference required ->Contact/OpportunityContactRoles
Role picklist 40 [Business User|Decision Maker|Economic Buyer|Evaluator|Influencer|Other]
IsPrimary boolean =false
"""

_STAGE = """
MasterLabel string 255
ApiName string 255
IsActive boolean =true
SortOrder int
IsClosed boolean =false
IsWon boolean =false
ForecastCategory picklist 40
ForecastCategoryName string 255
DefaultProbability percent
Description textarea 255
"""

_ACTIVITY = """
WhoId reference ->Contact|Lead/{plural}
WhatId reference ->Account|Opportunity/{plural}
Subject combobox 255 [Call|Email|Send Letter|Send Quote|Other]
ActivityDate date
OwnerId reference ->User
Description textarea 32000
AccountId reference readonly ->Account
IsArchived boolean readonly =false
ReminderDateTime datetime
IsReminderSet boolean =false
"""

_TASK = f"""
{_ACTIVITY.format(plural="Tasks")}
Status picklist 40 required [Not Started|In Progress|Completed|Waiting on someone else|Deferred] =Not_Started
Priority picklist 40 required [High|Normal|Low] =Normal
TaskSubtype picklist 40 createonly [Task|Email|ListEmail|Cadence|Call|LinkedIn] =Task
Type picklist 40 [Call|Meeting|Other]
IsClosed boolean readonly =false
IsHighPriority boolean readonly =false
CallDurationInSeconds int
CallType picklist 40 [Internal|Inbound|Outbound]
CallDisposition string 255
CompletedDateTime datetime readonly
"""

_EVENT = f"""
{_ACTIVITY.format(plural="Events")}
Location string 255
IsAllDayEvent boolean =false
ActivityDateTime datetime
DurationInMinutes int
StartDateTime datetime
EndDateTime datetime
IsPrivate boolean =false
ShowAs picklist 40 [Busy|OutOfOffice|Free] =Busy
Type picklist 40 [Email|Meeting|Other|Call]
EventSubtype picklist 40 createonly [Event] =Event
"""

_USER = """
Username string 80 required unique lookup
LastName string 80 required
FirstName string 40
Name string 121 calculated
Email email 128 required lookup
Alias string 8
Title string 80
Department string 80
CompanyName string 80
Phone phone 40
MobilePhone phone 40
IsActive boolean =true
UserType picklist 40 readonly [Standard|CSPLitePortal|Guest] =Standard
ProfileId reference ->Profile
ManagerId reference ->User
TimeZoneSidKey picklist 40 =Europe/London
LocaleSidKey picklist 40 =en_GB
LanguageLocaleKey picklist 40 =en_US
"""

_ORGANIZATION = """
Name string 80
OrganizationType picklist 40 readonly
InstanceName string 5 readonly
IsSandbox boolean readonly =false
DefaultLocaleSidKey picklist 40
LanguageLocaleKey picklist 40
TimeZoneSidKey picklist 40
"""

_INDIVIDUAL = """
LastName string 80 required
FirstName string 40
Name string 121 calculated
ShouldForget boolean =false
HasOptedOutProcessing boolean =false
HasOptedOutSolicit boolean =false
HasOptedOutTracking boolean =false
HasOptedOutProfiling boolean =false
SendIndividualData boolean =false
CanStorePiiElsewhere boolean =false
MasterRecordId reference readonly ->Individual
OwnerId reference ->User
"""

_CONSENT = """
Name string 255 required
PartyId reference required ->Individual/ContactPointTypeConsents
ContactPointType picklist 40 required restricted [Email|Phone|MailingAddress|Social|Web]
PrivacyConsentStatus picklist 40 required restricted [OptIn|OptOut|Seen|NotSeen]
CaptureDate datetime required
CaptureSource string 255 required
CaptureContactPointType picklist 40 required restricted [Email|Phone|MailingAddress|Social|Web]
DoubleConsentCaptureDate datetime
EffectiveFrom datetime
EffectiveTo datetime
DataUsePurposeId reference ->DataUsePurpose
OwnerId reference ->User
"""

_PURPOSE = """
Name string 255 required
Description textarea 255
CanDataSubjectOptOut boolean =false
OwnerId reference ->User
"""

_RECORD_TYPE = """
Name string 80 required
DeveloperName string 80
SobjectType picklist 40
IsActive boolean =true
BusinessProcessId reference ->BusinessProcess
Description textarea 255
"""

_PROCESS = """
Name string 80 required
TableEnumOrId picklist 40
IsActive boolean =true
Description textarea 255
"""

_PERMISSION_SET = """
Name string 80 required unique lookup
Label string 80 required
Description string 255
ProfileId reference createonly ->Profile
IsOwnedByProfile boolean readonly =false
"""

_ASSIGNMENT = """
PermissionSetId reference required createonly ->PermissionSet/Assignments
AssigneeId reference required createonly ->User/PermissionSetAssignments
"""

_FIELD_PERMISSIONS = """
ParentId reference required createonly ->PermissionSet/FieldPerms
SobjectType picklist 40 required createonly
Field picklist 255 required createonly
PermissionsRead boolean =false
PermissionsEdit boolean =false
"""

_CUSTOM_FIELD = """
DeveloperName string 80
TableEnumOrId string 255
NamespacePrefix string 15
ManageableState string 40
FullName string 255
"""

_SETUP = {"deletable": False, "undeletable": False}
"""Rows that are never deleted by the interface, and so have no IsDeleted either."""


def standard_objects() -> list[SObject]:
    """The objects of a new org."""
    keeps = ("IsDeleted",)
    return [
        read_object("Organization", "00D", _ORGANIZATION, leave=keeps, createable=False, **_SETUP),
        read_object("Profile", "00e", "Name string 255\nUserType picklist 40 =Standard", leave=keeps,
                    createable=False, **_SETUP),
        read_object("User", "005", _USER, leave=keeps, **_SETUP),
        read_object("Account", "001", _ACCOUNT),
        read_object("Contact", "003", _CONTACT),
        read_object("Lead", "00Q", _LEAD),
        read_object("Opportunity", "006", _OPPORTUNITY),
        read_object("OpportunityContactRole", "00K", _ROLE),
        read_object("OpportunityStage", "01J", _STAGE, leave=keeps, createable=False, updateable=False, **_SETUP),
        read_object("BusinessProcess", "019", _PROCESS, leave=keeps, createable=False, updateable=False, **_SETUP),
        read_object("RecordType", "012", _RECORD_TYPE, leave=keeps, createable=False, updateable=False, **_SETUP),
        read_object("Task", "00T", _TASK),
        read_object("Event", "00U", _EVENT),
        read_object("Individual", "0PK", _INDIVIDUAL),
        read_object("ContactPointTypeConsent", "0ZY", _CONSENT),
        read_object("DataUsePurpose", "0ZW", _PURPOSE),
        read_object("PermissionSet", "0PS", _PERMISSION_SET, leave=keeps, undeletable=False),
        read_object("PermissionSetAssignment", "0Pa", _ASSIGNMENT, leave=keeps, undeletable=False, updateable=False),
        read_object("FieldPermissions", "01k", _FIELD_PERMISSIONS, leave=keeps, undeletable=False),
        read_object("CustomField", "00N", _CUSTOM_FIELD, leave=keeps, undeletable=False, tooling=True),
    ]  # fmt: skip


STAGES = (
    # name, probability, closed, won, forecast category
    ("Prospecting", 10, False, False, "Pipeline"),
    ("Qualification", 10, False, False, "Pipeline"),
    ("Needs Analysis", 20, False, False, "Pipeline"),
    ("Proposal/Price Quote", 75, False, False, "Best Case"),
    ("Negotiation/Review", 90, False, False, "Commit"),
    ("Renewal Due", 50, False, False, "Pipeline"),
    ("Closed Won", 100, True, True, "Closed"),
    ("Closed Lost", 0, True, False, "Omitted"),
)

PIPELINES = {
    "New Business": ("Prospecting", "Qualification", "Needs Analysis", "Proposal/Price Quote", "Negotiation/Review",
                     "Closed Won", "Closed Lost"),
    "Renewal": ("Renewal Due", "Negotiation/Review", "Closed Won", "Closed Lost"),
}  # fmt: skip
"""Record type and sales process → its stages."""
