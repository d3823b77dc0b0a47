"""Words by which headers and file names are recognised, in a few languages: data for `propose`, nothing else.

Compared without capitals, accents and signs, so that `E-Mail`, `e_mail` and `EMAIL` are one word.
"""

from __future__ import annotations

from typing import Final

KINDS: Final[dict[str, str]] = {
    "owner": "owners users staff team teams salesteams salespeople salesreps reps agents mitarbeiter vertrieb"
    " utilisateurs usuarios utenti medewerkers",
    "company": "companies company accounts organisations organizations firms customers clients firmen unternehmen"
    " kunden entreprises societes empresas aziende bedrijven",
    "contact": "contacts contact people persons leads subscribers members kontakte personen personnes contactos"
    " contatti contacten",
    "deal": "deals deal opportunities opportunity pipeline salespipeline sales auftraege chancen affaires"
    " opportunites oportunidades trattative",
    "activity": "activities tasks calls meetings notes aufgaben taches tareas",
    "payment": "payments invoices orders subscriptions zahlungen rechnungen paiements factures pagos facturas",
    "ticket": "tickets cases issues requests anfragen",
    "document": "documents quotes estimates proposals contracts angebote devis contratos",
}
"""Kind → names of files that hold it."""

FIELDS: Final[dict[str, str]] = {
    "email": "email mail emailaddress primaryemail workemail mailadresse courriel adressemail correo"
    " correoelectronico posta",
    "phone": "phone telephone tel phonenumber mobile mobilephone cell telefon telefonnummer handy mobil telefono"
    " movil cellulare telefoon",
    "first_name": "firstname givenname forename vorname prenom nombre nome voornaam",
    "last_name": "lastname surname familyname nachname nomdefamille apellido apellidos cognome achternaam",
    "full_name": "name fullname contactname person nomcomplet nombrecompleto",
    "owner.name": "name fullname owner salesagent agent salesrep rep user username mitarbeiter betreuer",
    "company.name": "name company companyname account accountname organisation organization firma firmenname"
    " unternehmen entreprise societe empresa azienda bedrijf",
    "deal.name": "name title deal dealname opportunity opportunityname bezeichnung",
    "company": "company companyname account accountname organisation organization client customer firma unternehmen"
    " entreprise societe empresa azienda bedrijf kunde",
    "company_name": "company companyname account organisation organization firma entreprise societe empresa",
    "owner": "owner salesagent agent assignedto accountmanager salesrep rep responsible betreuer zustaendig"
    " responsable propietario eigenaar",
    "parent": "parent parentcompany parentaccount subsidiaryof muttergesellschaft",
    "manager": "manager reportsto supervisor vorgesetzter",
    "domain": "domain companydomain",
    "website": "website web url homepage site webseite siteweb sitioweb",
    "industry": "industry sector branche secteur industria settore",
    "employees": "employees headcount staff mitarbeiterzahl effectif empleados dipendenti",
    "annual_revenue": "annualrevenue revenue turnover umsatz chiffredaffaires ingresos fatturato",
    "founded_year": "foundedyear yearfounded yearestablished founded gruendungsjahr",
    "country": "country officelocation",
    "job_title": "jobtitle title position role function funktion poste cargo puesto ruolo",
    "department": "department abteilung service departamento reparto",
    "lifecycle_stage": "lifecyclestage lifecycle",
    "lead_status": "leadstatus",
    "birthday": "birthday birthdate dateofbirth geburtstag datedenaissance cumpleanos",
    "language": "language sprache langue idioma lingua taal",
    "source": "source leadsource quelle origine origen herkunft",
    "tags": "tags labels keywords schlagworte etiquettes etiquetas",
    "description": "description notes note comment comments bemerkung bemerkungen notizen remarques notas",
    "stage": "stage dealstage phase pipelinestage etape etapa fase",
    "status": "status",
    "amount": "amount value dealvalue closevalue price total betrag wert montant importe importo bedrag",
    "product": "product produkt produit producto prodotto",
    "engaged_on": "engagedon engagedate",
    "close_date": "closedate closingdate expectedclosedate abschlussdatum datedecloture fechadecierre",
    "team": "team group gruppe equipe equipo",
    "office": "office regionaloffice branch standort bureau oficina",
    "active": "active aktiv actif activo attivo actief",
}
"""Canonical field, or kind and field, → headers that mean it."""

ADDRESS: Final[dict[str, str]] = {
    "street": "street address address1 streetaddress addressline1 strasse adresse rue calle via straat",
    "city": "city town ort stadt ville ciudad citta plaats",
    "region": "region state county province bundesland provincia provincie",
    "postal_code": "postalcode postcode zip zipcode plz codepostal codigopostal cap",
    "country": "country land pays pais paese",
}
"""Part of an address → headers that mean it."""

CURRENCY: Final = "currency waehrung wahrung devise moneda valuta"

YES_NO: Final = (
    ("yes", "no"), ("true", "false"), ("y", "n"), ("1", "0"), ("ja", "nein"), ("ja", "nee"), ("oui", "non"),
    ("si", "no"), ("sì", "no"), ("sí", "no"),
)  # fmt: skip
