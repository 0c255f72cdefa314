//! Every word a page shows, in the two languages the box speaks.

/// A language of the pages, and of what the API says to people. The audit trail is English, and so
/// is what the API says to whoever names no language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    English,
    Portuguese,
}

impl Language {
    /// What the browser prefers (`Accept-Language`, RFC 9110 §12.5.4); Brazilian Portuguese when
    /// it names neither of ours.
    pub(crate) fn preferred(accept_language: &str) -> Self {
        let mut best = (0.0, Self::Portuguese);
        for item in accept_language.split(',') {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let language = match tag.split('-').next() {
                Some("pt") => Self::Portuguese,
                Some("en") => Self::English,
                _ => continue,
            };
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok())
                .unwrap_or(1.0);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    pub(crate) const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Portuguese => &PORTUGUESE,
        }
    }

    /// A state, outcome or stage as a person says it; unknown ones as they are.
    pub(crate) fn state(self, name: &str) -> &str {
        if self == Self::English {
            return name;
        }
        STATES
            .iter()
            .find(|(key, _)| *key == name)
            .map_or(name, |(_, portuguese)| portuguese)
    }

    /// How a run of the box ended, as a person says it; why stays in PID 1's words.
    pub(crate) fn run_end(self, end: &str, why: &str) -> String {
        let (english, portuguese) = match end {
            "running" => ("on", "em curso"),
            "ordered" => ("stopped in order", "encerrada em ordem"),
            "watchdog" => (
                "hung; its watchdog restarted it",
                "travou; o watchdog a reiniciou",
            ),
            "unexpected" => (
                "without a word: the power, a reset, or a crash",
                "sem aviso: energia, reset ou pane",
            ),
            other => (other, other),
        };
        let said = match self {
            Self::English => english,
            Self::Portuguese => portuguese,
        };
        match why {
            "" => said.to_owned(),
            why => format!("{said} ({why})"),
        }
    }

    /// A trunk's state as a person says it; what the carrier answered stays in its own words.
    pub(crate) fn trunk_state(self, state: &str) -> String {
        match (self, state.strip_prefix(REFUSED)) {
            (Self::Portuguese, Some(reason)) => format!("recusado: {}", self.state(reason)),
            _ => self.state(state).to_owned(),
        }
    }
}

/// Declares the table of words once, so that no language can lack one.
macro_rules! words {
    ($($name:ident: $english:literal, $portuguese:literal;)*) => {
        pub(crate) struct Words { $(pub(crate) $name: &'static str,)* }
        const ENGLISH: Words = Words { $($name: $english,)* };
        const PORTUGUESE: Words = Words { $($name: $portuguese,)* };
    };
}

words! {
    title: "Ramal", "Ramal";
    sign_in: "Sign in", "Entrar";
    sign_out: "Sign out", "Sair";
    sign_in_hint: "The administrator's first password is on the box's own screen.",
        "A primeira senha do administrador está na tela da própria central.";
    login: "Login", "Login";
    password: "Password", "Senha";
    change_password: "Change password", "Trocar senha";
    about: "About", "Sobre";
    logs: "Log", "Log";
    trace: "SIP trace", "Rastreio SIP";
    capture: "Packet capture", "Captura de pacotes";
    must_change: "This password was made for one use. Choose your own to go on.",
        "Esta senha vale uma única vez. Escolha a sua para continuar.";
    old_password: "Present password", "Senha atual";
    new_password: "New password", "Nova senha";
    new_password_hint: "At least 15 characters. A few unrelated words are good and easy to keep.",
        "Pelo menos 15 caracteres. Algumas palavras sem relação são boas e fáceis de lembrar.";
    confirm: "Your password again", "Sua senha de novo";
    confirm_hint: "What you are about to do cannot be taken back, or gives rights. Say that it is \
         you.",
        "O que você vai fazer não tem volta, ou dá direitos. Confirme que é você.";
    go_on: "Go on", "Continuar";
    code: "Code of the second factor", "Código do segundo fator";
    code_hint: "The six digits your app shows now. If the phone is lost, one of the codes you \
         wrote down; another administrator can take the second factor away.",
        "Os seis dígitos que seu aplicativo mostra agora. Se perdeu o telefone, um dos códigos que \
         você anotou; outro administrador pode remover o segundo fator.";
    second_factor: "Second factor", "Segundo fator";
    second_factor_off: "At a sign-in only your password is asked for. With a second factor, a code \
         of an app on your phone is asked for too.",
        "Na entrada só se pede a sua senha. Com um segundo fator, pede-se também um código de um \
         aplicativo no seu telefone.";
    second_factor_on: "A code of your app is asked for at each sign-in. Codes for a lost phone \
         that are left:",
        "Um código do seu aplicativo é pedido em cada entrada. Códigos para telefone perdido que \
         restam:";
    second_factor_set_up: "Set it up", "Configurar";
    second_factor_remove: "Take it away", "Remover";
    second_factor_take_from: "Take the second factor away", "Remover o segundo fator";
    second_factor_scan: "Have your authenticator app read this picture, or type the text below it \
         there. Then type the code it shows.",
        "Leia esta imagem com seu aplicativo autenticador, ou digite nele o texto abaixo. Depois \
         digite o código que ele mostra.";
    recovery_codes: "Codes for a lost phone or passkey",
        "Códigos para telefone ou chave de acesso perdidos";
    recovery_codes_hint: "These codes are shown once, and each signs in once in the place of the \
         app or the passkey. Write them down and keep them away from the phone.",
        "Estes códigos são mostrados uma única vez, e cada um entra uma vez no lugar do aplicativo \
         ou da chave de acesso. Anote-os e guarde-os longe do telefone.";
    passkeys: "Passkeys", "Chaves de acesso";
    passkeys_hint: "A passkey signs you in without a password: by the finger, the face or the PIN \
         of a phone, a computer or a security key. Once you have one, the password alone is no \
         longer enough.",
        "Uma chave de acesso permite entrar sem senha: com o dedo, o rosto ou o PIN de um \
         telefone, um computador ou uma chave de segurança. Depois de ter uma, a senha sozinha já \
         não basta.";
    passkeys_take_from: "Take the passkeys away", "Remover as chaves de acesso";
    passkey_codes_left: "Codes for lost passkeys that are left:",
        "Códigos para chaves perdidas que restam:";
    passkey_new: "A new passkey", "Nova chave de acesso";
    passkey_at: "Works at", "Funciona em";
    passkey_made: "Made", "Criada";
    passkey_certificate: "Some browsers make none while they warn of the certificate of this box; \
         then have the computer trust it first.",
        "Alguns navegadores não criam nenhuma enquanto avisam do certificado desta central; nesse \
         caso, faça o computador confiar nele primeiro.";
    passkey_how: "Give it a name by which you know the device again. Then your browser asks where \
         to keep the passkey.",
        "Dê a ela um nome pelo qual você reconheça o aparelho. Depois seu navegador pergunta onde \
         guardar a chave de acesso.";
    passkey_confirm: "Use a passkey instead", "Usar chave de acesso em vez disso";
    passkey_not_confirmed: "The browser gave no passkey. Try again, or type your password.",
        "O navegador não forneceu a chave de acesso. Tente de novo, ou digite sua senha.";
    passkey_use: "Sign in with a passkey", "Entrar com chave de acesso";
    passkey_elsewhere: "To sign in with a passkey, open", "Para entrar com chave de acesso, abra";
    passkey_code_hint: "Use your passkey. If it is lost, type one of the codes you wrote down; \
         another administrator can take the passkeys away.",
        "Use sua chave de acesso. Se a perdeu, digite um dos códigos que você anotou; outro \
         administrador pode remover as chaves de acesso.";
    passkey_needs_script: "Passkeys need JavaScript. Codes of an app work without.",
        "Chaves de acesso requerem JavaScript. Códigos de um aplicativo funcionam sem ele.";
    passkey_no_browser: "This browser knows no passkeys, or the page was not opened securely.",
        "Este navegador não conhece chaves de acesso, ou a página não foi aberta com segurança.";
    passkey_not_made: "The browser made no passkey. Try again; where it warned of the certificate \
         of this box, have the computer trust it first.",
        "O navegador não criou a chave de acesso. Tente de novo; se ele avisou do certificado \
         desta central, faça o computador confiar nele primeiro.";
    passkey_not_used: "The browser gave no passkey. Try again, or sign in with your password.",
        "O navegador não forneceu a chave de acesso. Tente de novo, ou entre com sua senha.";
    tokens: "Tokens for programs", "Tokens para programas";
    tokens_hint: "A program that has one asks the API in your name: what you allow here, for as \
         long as you say.",
        "Um programa que o tem usa a API em seu nome: o que você permitir aqui, pelo tempo que \
         disser.";
    tokens_revoke: "Revoke the tokens", "Revogar os tokens";
    token_name: "Name", "Nome";
    token_may: "It may", "Ele pode";
    token_days: "Good for (days)", "Vale por (dias)";
    token_until: "Good until", "Vale até";
    token_used: "Last used", "Último uso";
    token_once: "This token is shown once. Enter it in the program now, as Authorization: Bearer; \
         the box keeps only what it needs to check it.",
        "Este token é mostrado uma única vez. Informe-o ao programa agora, como Authorization: \
         Bearer; a central guarda só o necessário para conferi-lo.";
    save: "Save", "Salvar";
    back: "Back", "Voltar";
    cancel: "Cancel", "Cancelar";
    status: "Status", "Situação";
    extensions: "Extensions", "Ramais";
    calls: "Calls", "Ligações";
    audit: "Audit", "Auditoria";
    trail_whole: "The whole trail", "A auditoria inteira";
    trail_hint: "Each entry is chained to the one before: one that is changed or taken out later \
         shows. As a file it is signed by this box; kept elsewhere, it proves what the trail was, \
         and anybody can check it there. Days are in UTC; without them everything is in it.",
        "Cada registro está encadeado ao anterior: se um for mudado ou retirado depois, isso \
         aparece. Como arquivo, ela é assinada por esta central; guardado em outro lugar, ele \
         prova o que a auditoria era, e qualquer um pode verificá-lo. Os dias são em UTC; sem \
         eles, vai tudo.";
    trail_check: "Check the trail", "Verificar a auditoria";
    trail_from: "From", "De";
    trail_to: "To", "Até";
    trail_good: "Every entry fits the one before.", "Cada registro confere com o anterior.";
    trail_broken: "The trail was changed from outside, or the disk is damaged. The first entry \
         that does not fit the one before:",
        "A auditoria foi mudada por fora, ou o disco está com defeito. O primeiro registro que não \
         confere com o anterior:";
    trail_entries: "Entries", "Registros";
    trail_head: "Hash of the last entry", "Hash do último registro";
    trails_replaced: "Trails that a restore replaced", "Auditorias que uma restauração substituiu";
    trails_replaced_hint: "A backup of another box brings its own trail. The one before is kept \
         as a file, signed by this box; the last eight are.",
        "Um backup de outra central traz a auditoria dela. A anterior fica guardada em um \
         arquivo, assinado por esta central; ficam as últimas oito.";
    trail_is_whole: "whole", "íntegra";
    trail_is_not_whole: "not as it was written", "não está como foi escrita";
    trail_signed_by: "Key of this box", "Chave desta central";
    privacy: "Privacy", "Privacidade";
    privacy_hint: "What this box keeps of people, why, for how long, and who sees it (LGPD, art. 9 \
         and 37). No sensitive data (art. 5, II) is asked for; what is said in a recorded call \
         nobody can know before.",
        "O que esta central guarda de pessoas, por quê, por quanto tempo e quem vê (LGPD, art. 9º \
         e 37). Nenhum dado sensível (art. 5º, II) é pedido; o que se diz numa ligação gravada \
         ninguém sabe antes.";
    kept_change: "How long data is kept", "Prazos de guarda dos dados";
    person_data: "Data of one person", "Dados de uma pessoa";
    person_hint: "What this box keeps on one person, for whoever asks for their own (LGPD, art. \
         18). Make sure first that they are who they say. The trail says who did what here, with \
         numbers masked.",
        "O que esta central guarda de uma pessoa, para quem pede os próprios dados (LGPD, art. \
         18). Confirme antes que a pessoa é quem diz ser. A trilha diz quem fez o quê aqui, com \
         os números mascarados.";
    person_export: "Everything in one file", "Tudo em um arquivo";
    person_export_hint: "JSON: the account without passwords, extensions, phones, calls they took \
         part in, and what the trail says of them. Of a number of somebody outside: the calls with \
         it. A file has 10,000 calls at most, and says how the next is asked for.",
        "JSON: a conta sem senhas, ramais, telefones, ligações de que participou e o que a trilha \
         diz da pessoa. De um número de fora: as ligações com ele. Um arquivo tem no máximo 10.000 \
         ligações e diz como pedir o seguinte.";
    person_elsewhere: "Not in it: recordings, which are files of their own, named in the calls; \
         earlier versions of the configuration; and backups.",
        "Não estão nele: gravações, que são arquivos próprios, com o nome nas ligações; versões \
         anteriores da configuração; e backups.";
    person_with_account: "Somebody with an account", "Alguém com uma conta";
    person_outside: "Number of somebody outside", "Número de alguém de fora";
    person_erase: "Erase the data of one person", "Apagar os dados de uma pessoa";
    person_erase_hint: "First the box shows how many of what there is. A number of somebody \
         outside goes out of every call record so far, with the addresses and recordings of these \
         calls; the record stays as statistics. An account goes, with the name at the extensions \
         that are theirs alone, also out of earlier versions.",
        "Primeiro a central mostra quanto há de quê. O número de alguém de fora sai de todos os \
         registros de ligações até agora, com os endereços e as gravações delas; o registro fica \
         como estatística. Uma conta sai, com o nome nos ramais que são só dela, também das \
         versões anteriores.";
    person_login: "Login, also of an account that was deleted",
        "Login, também de uma conta já excluída";
    person_former: "Accounts that were deleted, and that earlier versions have:",
        "Contas já excluídas, que versões anteriores ainda têm:";
    person_look: "See what there is", "Ver o que há";
    erasure_stays: "The audit trail stays: it has to say who did what (LGPD, art. 16, I and 37). \
         Backups made before hold the data until they go: after three days on this box, the last \
         three good ones later; a copy that was downloaded lies with whoever has it. Restored \
         here, they bring nobody back.",
        "A trilha de auditoria fica: ela precisa dizer quem fez o quê (LGPD, art. 16, I e 37). Os \
         backups de antes guardam os dados até sumirem: nesta central, após três dias, os três \
         últimos bons mais tarde; uma cópia baixada está com quem a tem. Restaurados aqui, não \
         trazem ninguém de volta.";
    erasure_there_is: "This is what there is. Nothing was erased yet.",
        "Isto é o que há. Nada foi apagado ainda.";
    erasure_done: "It is noted for good, and goes from everywhere within minutes, also after a \
         power cut.",
        "Está registrado de vez e some de toda parte em minutos, mesmo após uma queda de energia.";
    erasure_under_way: "What was erased before is still going.",
        "O que foi apagado antes ainda está sumindo.";
    erasure_change_by_hand: "The number also stands in the configuration: change it there \
         (forwards, routes, rules for callers).",
        "O número também está na configuração: mude-o lá (desvios, rotas, regras de chamadores).";
    erasure_go: "Erase for good", "Apagar de vez";
    erasure_calls: "Call records", "Registros de ligações";
    erasure_written: "Written there as", "Escrito lá como";
    erasure_recordings: "Recordings", "Gravações";
    erasure_places: "Places in the configuration", "Lugares na configuração";
    erasure_account: "Accounts", "Contas";
    erasure_names: "Extensions in force with a name of theirs", "Ramais em vigor com um nome seu";
    erasure_versions: "Earlier versions of the configuration",
        "Versões anteriores da configuração";
    kept_what: "What", "O quê";
    kept_purpose: "Why", "Por quê";
    kept_basis: "Legal basis (LGPD)", "Base legal (LGPD)";
    kept_for: "Kept for", "Guardado por";
    kept_seen_by: "Seen by", "Visto por";
    people: "People", "Pessoas";
    person: "Person", "Pessoa";
    role: "Role", "Perfil";
    role_unknown: "a role of a newer firmware", "perfil de um firmware mais novo";
    calls_of: "Calls of others", "Ligações de outros";
    switched_off_person: "may not sign in", "não pode entrar";
    one_time_password: "One-time password", "Senha de uso único";
    new_one_time_password: "New one-time password", "Nova senha de uso único";
    one_time_password_hint: "This password is shown once and is good until it is changed, which \
         has to be done at the first sign-in. Hand it over in person, and soon.",
        "Esta senha é mostrada uma única vez e vale até ser trocada, o que tem de ser feito na \
         primeira entrada. Entregue-a pessoalmente, e logo.";
    phones: "Phones", "Telefones";
    trunks: "Trunks", "Troncos";
    trunk: "Trunk", "Tronco";
    live_calls: "Calls in progress", "Ligações em curso";
    services: "Services", "Serviços";
    boot: "Start-up", "Inicialização";
    network: "Network", "Rede";
    certificate: "Certificate", "Certificado";
    bans: "Bans", "Bloqueios";
    report: "Report", "Relatório";
    masquerade: "Redirected ports", "Portas redirecionadas";
    countries: "Countries", "Países";
    second_factor_must: "Administrators of this box need a second factor: an app with codes, or \
         a passkey. Set one up to go on.",
        "Administradores desta central precisam de um segundo fator: um app com códigos, ou uma \
         chave de acesso. Configure um para continuar.";
    storage: "Storage", "Armazenamento";
    all_well: "Everything is running", "Tudo funcionando";
    attention: "Needs attention", "Precisa de atenção";
    version: "Firmware", "Firmware";
    kernel: "Kernel", "Kernel";
    uptime: "Up for", "Ligada há";
    config_version: "Configuration", "Configuração";
    memory_free: "Memory free", "Memória livre";
    load: "Load", "Carga";
    service: "Service", "Serviço";
    state: "State", "Estado";
    restarts: "Restarts", "Reinícios";
    last_exit: "Last ended", "Último fim";
    memory: "Memory", "Memória";
    cpu: "CPU time", "Tempo de CPU";
    extension: "Extension", "Ramal";
    address: "Address", "Endereço";
    from: "From", "De";
    to: "To", "Para";
    duration: "Duration", "Duração";
    stage: "Stage", "Etapa";
    runs_of_box: "Runs of the box", "Execuções da central";
    began: "Began", "Início";
    ended: "Ended", "Fim";
    at: "At", "Em";
    interface: "Interface", "Interface";
    gateway: "Gateway", "Gateway";
    link: "Link", "Enlace";
    link_up: "up", "ativo";
    link_down: "down", "inativo";
    conflict: "Address also used by", "Endereço também usado por";
    database: "Database", "Banco de dados";
    free: "Free on disk", "Livre no disco";
    none_phones: "No phone is registered.", "Nenhum telefone registrado.";
    none_calls: "No call in progress.", "Nenhuma ligação em curso.";
    none_records: "No call yet.", "Nenhuma ligação ainda.";
    none_extensions: "No extension yet. Create the first one below.",
        "Nenhum ramal ainda. Crie o primeiro abaixo.";
    number: "Number", "Número";
    display_name: "Name shown", "Nome exibido";
    remote: "From outside", "De fora";
    remote_hint: "May register from outside the internal networks",
        "Pode registrar de fora das redes internas";
    yes: "yes", "sim";
    no: "no", "não";
    new_extension: "New extension", "Novo ramal";
    create: "Create", "Criar";
    delete: "Delete", "Excluir";
    created: "Extension created", "Ramal criado";
    shown_once: "This password is shown once. Enter it in the phone now; \
         the box keeps only what it needs to check it.",
        "Esta senha é mostrada uma única vez. Digite-a no telefone agora; \
         a central guarda só o necessário para conferi-la.";
    delete_question: "Delete this extension?", "Excluir este ramal?";
    delete_hint: "Its phone can no longer register or call. Records of past calls stay.",
        "O telefone dele não registra nem liga mais. Os registros de ligações ficam.";
    when: "When", "Quando";
    outcome: "Outcome", "Resultado";
    recording: "Recording", "Gravação";
    download: "Download", "Baixar";
    not_recorded: "Not recorded to the end:", "Não foi gravada até o fim:";
    who: "Who", "Quem";
    what: "What", "O quê";
    before: "Before", "Antes";
    after: "After", "Depois";
    history: "History", "Histórico";
    author: "Author", "Autor";
    present: "present", "atual";
    older: "Older versions", "Versões mais antigas";
    version_number: "Version", "Versão";
    changed_here: "What changed in this version", "O que mudou nesta versão";
    changed_unknown: "The version before it is not kept any more.",
        "A versão anterior a ela não é mais guardada.";
    changed_nothing: "Nothing.", "Nada.";
    back_to_it: "Going back to this version", "Voltar a esta versão";
    back_changes: "It would change this:", "Isto mudaria:";
    back_nothing: "The configuration is as it was in this version.",
        "A configuração está como era nesta versão.";
    back_stays: "Accounts of people and passwords of extensions stay as they are now.",
        "Contas de pessoas e senhas de ramais ficam como estão agora.";
    back_refused: "This firmware does not take that version:",
        "Este firmware não aceita aquela versão:";
    back_button: "Go back to this version", "Voltar a esta versão";
    why: "Why (for the audit trail)", "Por quê (para a auditoria)";
    groups: "Groups", "Grupos";
    group: "Group", "Grupo";
    times: "Hours", "Horários";
    time_condition: "Time condition", "Condição de horário";
    settings: "Settings", "Ajustes";
    whole_configuration: "The whole configuration", "A configuração inteira";
    new_one: "New", "Novo";
    up: "Up", "Subir";
    site_file: "Configuration file", "Arquivo de configuração";
    site_file_have: "Take it with you", "Levar consigo";
    site_file_hint: "Everything that is configured, as text (TOML), without passwords, accounts of \
         people and the tunnel.",
        "Tudo o que está configurado, como texto (TOML), sem senhas, contas de pessoas e o túnel.";
    extension_list: "Extensions as a list", "Ramais como lista";
    extension_list_hint: "One line for each extension, for a spreadsheet (CSV), without passwords. \
         A list that is taken over adds extensions and changes those it names; it deletes none, \
         and an empty cell changes nothing.",
        "Uma linha por ramal, para uma planilha (CSV), sem senhas. Uma lista aplicada acrescenta \
         ramais e muda os que ela cita; não exclui nenhum, e uma célula vazia não muda nada.";
    site_file_take: "Take a file over", "Aplicar um arquivo";
    site_file_choose: "File", "Arquivo";
    site_file_text: "Its text", "O texto dele";
    site_file_try: "Show what it would change", "Mostrar o que mudaria";
    site_file_take_over: "Take it over", "Aplicar";
    site_file_new: "New extensions, each with a password that is shown once:",
        "Ramais novos, cada um com uma senha mostrada uma única vez:";
    site_file_trunks: "Trunks whose password has to be entered:",
        "Troncos cuja senha tem de ser informada:";
    site_file_taken: "The file was taken over", "O arquivo foi aplicado";
    routes: "Routes", "Rotas";
    route: "Route", "Rota";
    none_routes: "No route yet: nothing leads outside, and nothing leads in.",
        "Nenhuma rota ainda: nada leva para fora, e nada leva para dentro.";
    routes_hint: "The first that fits takes the call.",
        "A primeira que serve recebe a chamada.";
    dangers: "Look at these routes and numbers", "Veja estas rotas e números";
    switched_off: "off", "desligada";
    anybody: "anybody", "qualquer origem";
    always: "always", "sempre";
    numbers: "Numbers and limits", "Números e limites";
    own_numbers: "Own numbers", "Números próprios";
    area_code: "Area code", "DDD";
    abroad: "Countries that may be called", "Países que podem ser chamados";
    every_country: "every one", "todos";
    abroad_hours: "Calls abroad", "Ligações ao exterior";
    usual_hours: "Monday to Friday, 8:00 to 18:00", "segunda a sexta, das 8:00 às 18:00";
    none: "none", "nenhum";
    if_stolen: "If its password is stolen", "Se a senha dele for roubada";
    simulator: "Ask before it happens", "Pergunte antes que aconteça";
    when_else_now: "When (empty: now)", "Quando (vazio: agora)";
    ask: "Ask", "Perguntar";
    answer_for: "What happens to", "O que acontece com";
    problem: "That did not work", "Não deu certo";
    firmware: "Firmware", "Firmware";
    development_keys: "This box trusts development keys: it is not for customers.",
        "Esta central confia em chaves de desenvolvimento: não é para clientes.";
    damaged: "The firmware that is running is damaged on the disk, and parts of it may fail.",
        "O firmware em uso está danificado no disco, e partes dele podem falhar.";
    damaged_restart: "Restart the box: the other slot starts. Then install an update, which writes \
         the damaged slot anew. If this happens again, replace the disk.",
        "Reinicie a central: o outro slot inicia. Depois instale uma atualização, que grava de \
         novo o slot danificado. Se acontecer outra vez, troque o disco.";
    damaged_update: "The other slot holds no sound version: install an update soon, and make a \
         backup. If this happens again, replace the disk.",
        "O outro slot não tem uma versão íntegra: instale logo uma atualização, e faça um \
         backup. Se acontecer outra vez, troque o disco.";
    reset_pending: "Everything that was stored will be erased at the next start.",
        "Tudo o que foi guardado será apagado na próxima inicialização.";
    prompt: "Prompt", "Áudio";
    prompts: "Prompts", "Áudios";
    prompts_hint: "A prompt is what the box says to callers. A route or a group plays it where \
         it says \"play\": the caller is answered and hears it; then the call goes on to what \
         comes next there, or ends.",
        "Um áudio é o que a central diz a quem liga. Uma rota ou um grupo o toca onde diz \
         \"tocar\": a ligação é atendida e ele é ouvido; depois ela segue para o que vem em \
         seguida ali, ou termina.";
    prompt_sound: "Sound", "Som";
    prompt_used_by: "Played by", "Tocado por";
    prompt_unused: "nothing", "nada";
    prompt_no_sound: "no sound yet: calls go on without it",
        "sem som ainda: as ligações seguem sem ele";
    prompt_not_listed: "not in the configuration", "fora da configuração";
    prompt_send: "Send", "Enviar";
    prompt_sound_off: "Delete the sound", "Apagar o som";
    prompt_file: "WAV file", "Arquivo WAV";
    prompt_file_hint: "WAV with 8 to 48 kHz, mono or stereo, of up to five minutes. From another \
         format, save it as WAV first.",
        "WAV de 8 a 48 kHz, mono ou estéreo, de até cinco minutos. De outro formato, salve antes \
         como WAV.";
    takes: "Spoken into a phone", "Gravados pelo telefone";
    takes_hint: "Dial {} from a phone, speak after the beep, then press # or hang up. What was \
         said stands here until it is deleted or is as old as recordings may become.",
        "Disque {} de um telefone, fale depois do bipe e tecle # ou desligue. O que foi dito fica \
         aqui até ser apagado ou ter a idade máxima das gravações.";
    takes_no_code: "There is no code for speaking a prompt: give it one among the feature codes.",
        "Não há código para gravar um áudio: dê um a ele nos códigos de serviço.";
    take_open: "being recorded", "em gravação";
    take_keep: "Make it this prompt", "Usar como este áudio";
    prompt_broken: "The transfer broke off. Send the file again.",
        "A transferência parou. Envie o arquivo de novo.";
    backups: "Backups", "Backups";
    backup_now: "Back up now", "Fazer backup agora";
    backup_running: "A backup is being made.", "Um backup está sendo feito.";
    backup_failed: "The last backup failed:", "O último backup falhou:";
    backup_none: "There is none yet. The first is made a minute after the box has started.",
        "Ainda não há nenhum. O primeiro é feito um minuto depois que a central inicia.";
    backup_hint: "A backup holds the configuration with its versions, people, extensions and their \
         passwords, call records, the audit trail, certificates and the network setting; not the \
         recordings. It is made each day, proved by a trial restore, encrypted and signed. The box \
         keeps three days, and never fewer than the last three that proved good.",
        "Um backup contém a configuração com suas versões, pessoas, ramais e senhas, registros de \
         ligações, a auditoria, certificados e a rede; as gravações não. É feito todo dia, \
         verificado por uma restauração de teste, cifrado e assinado. A central guarda três dias, \
         e nunca menos do que os três últimos verificados.";
    backup_proved: "proved", "verificado";
    backup_unproved: "not proved", "não verificado";
    backup_old_code: "earlier code", "código anterior";
    backup_code: "Backup code", "Código de backup";
    backup_code_none: "Nobody has the backup code yet: these backups are of use to this box alone. \
         Have a code made, write it down and keep it away from the box.",
        "Ninguém tem o código de backup ainda: estes backups só servem a esta central. Peça um \
         código, anote-o e guarde-o longe da central.";
    backup_code_there: "Somebody has the backup code. Where it is lost, or others may have seen \
         it, have a new one made: it opens the backups from then on, and those before need the \
         earlier one.",
        "Alguém tem o código de backup. Se ele se perdeu, ou outros podem tê-lo visto, peça um \
         novo: ele abre os backups dali em diante, e os anteriores precisam do anterior.";
    backup_code_make: "Make a code and show it", "Criar um código e mostrá-lo";
    backup_code_once: "This code is shown once. Write it down and keep it away from the box, and \
         not with the backups: with it a backup opens on any box, and without it on none but this.",
        "Este código é mostrado uma única vez. Anote-o e guarde-o longe da central e dos backups: \
         com ele um backup abre em qualquer central, e sem ele em nenhuma além desta.";
    backup_restore: "Restore", "Restaurar";
    backup_restore_hint: "A backup takes the place of everything that was stored, and the box \
         starts anew: calls in progress end. No phone needs to be changed. On the box it was made \
         on, people and passwords stay as they are, and nothing of the call records and the audit \
         trail is lost. Switch the other box off before its backup comes to life on this one.",
        "O backup toma o lugar de tudo o que foi guardado, e a central reinicia: ligações em curso \
         terminam. Nenhum telefone precisa ser alterado. Na central em que foi feito, pessoas e \
         senhas ficam como estão, e nada dos registros e da auditoria se perde. Desligue a outra \
         central antes que o backup dela passe a valer nesta.";
    restore_on: "A backup is being restored: how far it is",
        "Um backup está sendo restaurado: em que ponto está";
    restore_reading: "The backup is being read. Calls go on; this page may be left.",
        "O backup está sendo lido. As ligações seguem; esta página pode ser fechada.";
    restore_joining: "It becomes one with what the box has. Nothing is stored meanwhile.",
        "Ele está sendo juntado ao que a central tem. Nada é guardado enquanto isso.";
    restore_finishing: "It is read back from the disk and put in its place.",
        "Ele está sendo relido do disco e posto no lugar.";
    restore_failed: "The backup was not restored:", "O backup não foi restaurado:";
    restore_none: "No backup was restored since the box has started. What became of one before is \
         in the audit trail.",
        "Nenhum backup foi restaurado desde que a central iniciou. O que houve com um anterior \
         está na auditoria.";
    backup_on_box: "Backup on the box", "Backup na central";
    backup_on_stick: "Backup on the USB stick", "Backup no pen drive";
    backup_file: "Backup file", "Arquivo de backup";
    backup_code_optional: "Backup code, if the box does not have it",
        "Código de backup, se a central não o tem";
    backup_bring: "Send and restore", "Enviar e restaurar";
    backup_broken: "The connection to the box was lost.", "A conexão com a central caiu.";
    backup_restored: "The backup was restored. The box is starting anew; sign in again in a \
         minute, at the address it had when the backup was made.",
        "O backup foi restaurado. A central está reiniciando; entre de novo em um minuto, no \
         endereço que ela tinha quando o backup foi feito.";
    data_key: "Key of the data", "Chave dos dados";
    data_key_sealed: "The data are encrypted, and their key is sealed by the TPM: the disk alone \
         opens nothing. Keep the recovery code elsewhere: without it, nothing is left when the TPM \
         or the mainboard is replaced or cleared.",
        "Os dados são cifrados, e a chave deles é selada pelo TPM: só o disco não abre nada. \
         Guarde o código de recuperação em outro lugar: sem ele, nada resta quando o TPM ou a \
         placa-mãe são trocados ou apagados.";
    recovery_code: "Recovery code of the data", "Código de recuperação dos dados";
    recovery_code_unseen: "Nobody has seen the recovery code yet. It is shown once.",
        "Ninguém viu o código de recuperação ainda. Ele é mostrado uma única vez.";
    recovery_code_show: "Show the recovery code", "Mostrar o código de recuperação";
    recovery_code_shown: "The recovery code was shown. Where it is lost, or others may have seen \
         it, have a new one made: the one there is ends when that was shown.",
        "O código de recuperação foi mostrado. Se ele se perdeu, ou outros podem tê-lo visto, \
         peça um novo: o atual deixa de valer quando ele for mostrado.";
    recovery_code_new: "Have a new one made", "Pedir um novo";
    recovery_code_renewed: "The next start makes a new recovery code. Until that was shown, the \
         one there is opens the data.",
        "A próxima inicialização faz um novo código de recuperação. Até ele ser mostrado vale o \
         atual.";
    recovery_code_once: "This code is shown once. Write it down and keep it away from the box: \
         whoever has it and the disk reads everything. The box asks for it when its TPM or its \
         mainboard was replaced or cleared.",
        "Este código é mostrado uma única vez. Anote-o e guarde-o longe da central: quem tem o \
         código e o disco lê tudo. A central o pede quando o TPM ou a placa-mãe foram trocados ou \
         apagados.";
    data_key_on_disk: "The data are encrypted, and their key is kept on the same disk: erase \
         everything before the disk goes into other hands.",
        "Os dados são cifrados, e a chave deles fica no mesmo disco: apague tudo antes que o \
         disco vá para outras mãos.";
    secure_boot_on: "On: the machine starts only what is signed by the keys it holds.",
        "Ligado: a máquina só inicia o que as chaves que ela guarda assinaram.";
    secure_boot_next: "The machine has the keys of this box. It is on from the next start.",
        "A máquina tem as chaves desta central. Fica ligado a partir do próximo início.";
    secure_boot_offered: "Off. The machine waits for keys: by the menu at the box, you can have it \
         start this box alone. Other systems on this machine do not start any more then.",
        "Desligado. A máquina espera chaves: pelo menu na própria central você pode fazer com que \
         ela só inicie esta central. Outros sistemas nesta máquina não iniciam mais então.";
    secure_boot_setup: "Off. The machine waits for keys, but with them this box might not start \
         any more: this image is not made for it, or the disk is behind a card with a program of \
         its own.",
        "Desligado. A máquina espera chaves, mas com elas esta central talvez não iniciasse mais: \
         esta imagem não é feita para isso, ou o disco está atrás de uma placa com programa \
         próprio.";
    secure_boot_off: "Off: the machine starts everything. To have it start this box alone, delete \
         the keys in the setup of the machine (setup mode), then ask for it by the menu at the \
         box.",
        "Desligado: a máquina inicia qualquer coisa. Para que ela só inicie esta central, apague \
         as chaves no setup da máquina (setup mode) e peça isso pelo menu na própria central.";
    secure_boot_not_read: "Not known: the firmware of the machine did not answer when it was asked \
         for its variables. The log says why. The box asks again at its next start.",
        "Não se sabe: o firmware da máquina não respondeu quando as variáveis dele foram pedidas. \
         O registro diz por quê. A central pergunta de novo no próximo início.";
    no_slots: "This system was not started from a firmware slot.",
        "Este sistema não foi iniciado de um slot de firmware.";
    slot: "Slot", "Slot";
    runs: "running", "em uso";
    starts_next: "starts next", "próxima a iniciar";
    update: "Update", "Atualização";
    update_file: "Update file", "Arquivo de atualização";
    install: "Install", "Instalar";
    fetch_from: "Or its address on a web server", "Ou o endereço dele num servidor web";
    fetch_fingerprint: "SHA-256 of the server's certificate, if no public authority vouches for it",
        "SHA-256 do certificado do servidor, se nenhuma autoridade pública o garante";
    fetch: "Fetch and install", "Baixar e instalar";
    stick_file: "Or a file on the USB stick in the box", "Ou um arquivo no pen drive na central";
    stick_install: "Install from the stick", "Instalar do pen drive";
    update_done: "Version {} is installed. It starts with the next restart; \
         if it is not well, the box goes back by itself.",
        "A versão {} está instalada. Ela inicia no próximo reinício; \
         se não ficar bem, a central volta sozinha.";
    update_broken: "The transfer broke off. Choose the same file again: it goes on where it was.",
        "A transferência parou. Escolha o mesmo arquivo: ela continua de onde parou.";
    update_refused: "The box does not take this update; its log says why.",
        "A central não aceita esta atualização; o registro dela diz por quê.";
    update_hint: "Calls go on while an update is installed.",
        "As ligações continuam durante a instalação.";
    needs_script: "Sending a file needs JavaScript.", "Enviar um arquivo requer JavaScript.";
    left_slots: "Why a version was left", "Por que uma versão foi deixada";
    reason: "Reason", "Motivo";
    grid: "Grid", "Grid";
    menu: "Menu", "Menu";
    tunnel: "Tunnel", "Túnel";
    no_tunnel: "No tunnel is set. The box works fully without one.",
        "Nenhum túnel configurado. A central funciona por inteiro sem ele.";
    tunnel_hint: "The tunnel is set by the provisioning file, by the API, or on the box by \
         ramal ctl api.",
        "O túnel é configurado pelo arquivo de provisionamento, pela API, ou na própria central \
         por ramal ctl api.";
    since: "For", "Há";
    handshake: "Last handshake", "Último contato há";
    hub: "Hub", "Concentrador";
    hub_key: "Key of the hub", "Chave do concentrador";
    own_address: "The box's address there", "Endereço da central ali";
    reached: "What is reached", "O que é alcançado";
    public_key: "Public key of the box", "Chave pública da central";
    public_key_hint: "Enter it at the hub. It is no secret; the private key never leaves the box.",
        "Informe-a no concentrador. Não é segredo; a chave privada nunca sai da central.";
    utc: "Times are UTC.", "Horários em UTC.";
}

const STATES: &[(&str, &str)] = &[
    ("erased", "apagado"),
    ("starting", "iniciando"),
    ("ready", "pronto"),
    ("waiting", "aguardando"),
    ("stopping", "parando"),
    ("stopped", "parado"),
    ("given-up", "desistiu"),
    ("empty", "vazio"),
    ("on-trial", "em teste"),
    ("good", "aprovada"),
    ("bad", "reprovada"),
    ("damaged", "danificada"),
    ("boot-state-lost", "estado de inicialização perdido"),
    ("slot-empty", "slot vazio"),
    ("slot-damaged", "slot danificado"),
    ("not-signed", "sem assinatura confiável"),
    ("refused-by-secure-boot", "recusada pelo Secure Boot"),
    ("did-not-start", "não iniciou"),
    ("too-old", "antiga demais"),
    ("wrong-hardware", "de outro equipamento"),
    ("never-proved-good", "nunca ficou bem"),
    ("failed-too-often", "falhou vezes demais"),
    ("service-not-well", "um serviço não ficou bem"),
    ("tunnel-did-not-come-up", "o túnel não subiu"),
    ("root-damaged", "sistema de arquivos danificado"),
    ("disk-refused-the-note", "o disco não gravou a tentativa"),
    ("not-set", "não configurado"),
    (
        "unreadable",
        "esta versão não entende o que está configurado",
    ),
    ("overlaps", "a rede dele é também a da central"),
    ("up", "no ar"),
    ("down", "fora do ar"),
    ("unknown", "ainda não se sabe"),
    ("away", "o serviço não responde"),
    ("calling", "chamando"),
    ("ringing", "tocando"),
    ("talking", "conversando"),
    ("ongoing", "em curso"),
    ("ended-by-caller", "encerrada por quem ligou"),
    ("ended-by-callee", "encerrada por quem atendeu"),
    ("ended-by-box", "encerrada pela central"),
    ("cancelled", "cancelada"),
    ("refused", "recusada"),
    ("no-answer", "não atendida"),
    ("not-found", "número inexistente"),
    ("unreachable", "fora de alcance"),
    ("rejected", "rejeitada"),
    ("interrupted", "interrompida"),
    ("registered", "registrado"),
    ("registering", "registrando"),
    ("in service", "em serviço"),
    ("not enabled", "desativado"),
    ("no answer", "sem resposta"),
    ("looking for the server", "procurando o servidor"),
    (
        "the server's name has no address",
        "o nome do servidor não tem endereço",
    ),
    ("user or password is wrong", "usuário ou senha incorretos"),
    (
        "asked for a password in a way unknown to us",
        "pediu a senha de um modo desconhecido",
    ),
];

/// How a trunk's state begins when the carrier said no.
const REFUSED: &str = "refused: ";

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_trunks_state_is_said_in_the_persons_language() {
        let check = |state, english, portuguese| {
            assert_eq!(Language::English.trunk_state(state), english);
            assert_eq!(Language::Portuguese.trunk_state(state), portuguese);
        };
        check("registered", "registered", "registrado");
        let wrong = "refused: user or password is wrong";
        check(wrong, wrong, "recusado: usuário ou senha incorretos");
        check(
            "refused: 403 Forbidden",
            "refused: 403 Forbidden",
            "recusado: 403 Forbidden",
        );
    }

    #[test]
    fn the_browsers_first_choice_of_ours_wins() {
        let check =
            |header, expected| assert_eq!(Language::preferred(header), expected, "{header}");
        check("en-US,en;q=0.9", Language::English);
        check("pt-BR,pt;q=0.9,en;q=0.8", Language::Portuguese);
        check("de, en;q=0.5, pt;q=0.3", Language::English);
        check("fr", Language::Portuguese);
        check("", Language::Portuguese);
        check("en;q=x", Language::English);
    }
}
